import { it } from "vitest";
import { findMemoryText } from "./memory-texts.ts";

it("knows the texts of libraries for a card whose memory ran out, and no other's", ({ expect }) => {
  const lines = [
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB",
    "RuntimeError: CUDA error: out of memory",
    "torch.cuda.OutOfMemoryError: HIP out of memory. Tried to allocate 256.00 MiB (GPU 0; 15.98 GiB total capacity)",
    "RuntimeError: NPU out of memory. Tried to allocate 20.00 MiB (NPU 0; 29.50 GiB total capacity)",
    "E40021: EL0004: [PID: 71] Failed to allocate memory.",
    "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes.",
    "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor with shape[64,1024]",
    "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 8192.00 MiB on device 0: cudaMalloc failed: out of memory",
    "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
  ];
  expect(lines.map((line) => findMemoryText(`epoch 3\n${line}\n`) !== undefined)).toEqual(
    lines.map(() => true),
  );
  const others = [
    "ModuleNotFoundError: No module named 'torch'",
    "Killed",
    "loss 0.1, memory 20 GiB",
  ];
  expect(others.map(findMemoryText)).toEqual([undefined, undefined, undefined]);
  expect(findMemoryText("CUDA out of memory\nthen\nhipErrorOutOfMemory")).toBe(
    "hipErrorOutOfMemory",
  );
});
