# Measures cards with what is there: PyTorch, else the libraries of CUDA, else nothing. Prints "key value" lines.
import ctypes
import glob
import os
import subprocess
import sys
import threading
import time

seconds = float(sys.argv[1])
window = max(0.05, min(3.0, (seconds - 30) / 15))
chosen = os.environ.get("GPUJOB_PROBE_CARDS", "")
if chosen and len(sys.argv) < 3:
    os.environ["CUDA_VISIBLE_DEVICES"] = chosen
    os.environ["ASCEND_RT_VISIBLE_DEVICES"] = chosen
numbers = [int(each) for each in chosen.split(",")] if chosen else None


def say(*words):
    # In one piece: several cards speak at once.
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def unmeasured(text):
    say("unmeasured", " ".join(str(text).split())[:300])


def number(index):
    return numbers[index] if numbers else index


def each_card(count, work):
    def run(index):
        try:
            work(index)
        except Exception as error:
            unmeasured("card %d: %s" % (number(index), error))

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# Runs `step`, which does `amount` of work and waits for it, in ten windows after a warm-up. Rates by the second.
def windows(step, amount, warm_up):
    start = time.monotonic()
    while time.monotonic() - start < warm_up:
        step()
    rates = []
    for _ in range(10):
        start = time.monotonic()
        done = 0
        while time.monotonic() - start < window:
            step()
            done += amount
        rates.append(done / (time.monotonic() - start))
    return rates


# The best of a few rounds of copying: what the path can do, whatever else the machine does just now.
def best_rate(step, amount):
    step()
    best = 0.0
    until = time.monotonic() + min(2.0, window * 2)
    while time.monotonic() < until:
        start = time.monotonic()
        step()
        best = max(best, amount / (time.monotonic() - start))
    return best


def tell_card(card, rates, memory, into, out):
    for rate in rates:
        say("window", card, "%.3f" % (rate / 1e12))
    say("memory", card, "%.2f" % (memory / 1e9))
    say("in", card, "%.2f" % (into / 1e9))
    say("out", card, "%.2f" % (out / 1e9))


def with_torch(torch, kind):
    device_api = getattr(torch, kind)
    count = device_api.device_count()
    if count == 0:
        return False
    say("method", "torch", torch.__version__)

    def measure(index):
        device_api.set_device(index)
        device = "%s:%d" % (kind, index)
        size = 8192
        dtype = torch.float16
        try:
            left = torch.randn(size, size, device=device, dtype=dtype)
            right = torch.randn(size, size, device=device, dtype=dtype)
            product = torch.empty(size, size, device=device, dtype=dtype)
        except RuntimeError:
            size = 2048
            left = torch.randn(size, size, device=device, dtype=dtype)
            right = torch.randn(size, size, device=device, dtype=dtype)
            product = torch.empty(size, size, device=device, dtype=dtype)

        def multiply():
            for _ in range(8):
                torch.matmul(left, right, out=product)
            device_api.synchronize(index)

        rates = windows(multiply, 8 * 2 * size**3, window)
        del left, right, product
        amount = 256 << 20
        one = torch.empty(amount, device=device, dtype=torch.uint8)
        two = torch.empty(amount, device=device, dtype=torch.uint8)
        here = torch.empty(amount, dtype=torch.uint8)
        if hasattr(here, "pin_memory"):
            try:
                here = here.pin_memory()
            except Exception:
                pass

        def copy_within():
            for _ in range(8):
                two.copy_(one)
            device_api.synchronize(index)

        def copy_in():
            one.copy_(here, non_blocking=True)
            device_api.synchronize(index)

        def copy_out():
            here.copy_(one, non_blocking=True)
            device_api.synchronize(index)

        # Each byte is read and written.
        memory = best_rate(copy_within, 8 * 2 * amount)
        tell_card(number(index), rates, memory, best_rate(copy_in, amount), best_rate(copy_out, amount))

    each_card(count, measure)
    if count > 1:
        all_reduce(kind, count)
    return True


# One process per card, as a training has it.
def all_reduce(kind, count):
    environment = dict(os.environ, MASTER_ADDR="127.0.0.1", MASTER_PORT=str(20000 + os.getpid() % 20000))
    environment["WORLD_SIZE"] = str(count)
    ranks = [
        subprocess.Popen(
            [sys.executable, __file__, str(seconds), kind, str(rank)],
            env=environment,
            stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for rank in range(count)
    ]
    try:
        output, _ = ranks[0].communicate(timeout=45)
        text = output.decode().strip()
    except Exception:
        text = ""
    for rank in ranks:
        if rank.poll() is None:
            rank.kill()
        rank.wait()
    if text:
        say("all-reduce", count, text)
    else:
        unmeasured("all-reduce: the %d cards did not come together within 45 s" % count)


def reduce_rank(kind, rank):
    import torch

    if kind == "npu":
        import torch_npu  # noqa: F401
    import torch.distributed as distributed

    device_api = getattr(torch, kind)
    device_api.set_device(rank)
    count = int(os.environ["WORLD_SIZE"])
    backend = "hccl" if kind == "npu" else "nccl"
    distributed.init_process_group(backend, rank=rank, world_size=count)
    amount = 256 << 20
    values = torch.ones(amount // 2, device="%s:%d" % (kind, rank), dtype=torch.float16)

    def reduce():
        distributed.all_reduce(values)
        device_api.synchronize(rank)

    for _ in range(3):
        reduce()
    start = time.monotonic()
    rounds = 10
    for _ in range(rounds):
        reduce()
    took = (time.monotonic() - start) / rounds
    # Bus bandwidth: what each link carries, comparable whatever the number of cards.
    if rank == 0:
        say("%.2f" % (amount / took * 2 * (count - 1) / count / 1e9))
    distributed.destroy_process_group()


def load(names):
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def check(code, what):
    if code != 0:
        raise RuntimeError("%s failed with code %d" % (what, code))


def with_driver():
    cuda = load(["libcuda.so.1", "libcuda.so"])
    if cuda is None or cuda.cuInit(0) != 0:
        return False
    total = ctypes.c_int(0)
    check(cuda.cuDeviceGetCount(ctypes.byref(total)), "cuDeviceGetCount")
    if total.value == 0:
        return False
    places = ["/usr/local/cuda*/lib64/libcublas.so*", "/usr/lib/*/libcublas.so*", "/usr/local/lib/python3*/*-packages/nvidia/cublas/lib/libcublas.so*"]
    found = [name for place in places for name in sorted(glob.glob(place), reverse=True)]
    blas = load(["libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so"] + found)
    say("method", "driver" if blas is None else "cublas")
    if blas is None:
        unmeasured("matrix rate: no PyTorch and no cuBLAS on the machine")
    pointer = ctypes.c_uint64
    size_t = ctypes.c_size_t

    def measure(index):
        device = ctypes.c_int(0)
        context = ctypes.c_void_p()
        check(cuda.cuDeviceGet(ctypes.byref(device), index), "cuDeviceGet")
        check(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device), "cuDevicePrimaryCtxRetain")
        check(cuda.cuCtxSetCurrent(context), "cuCtxSetCurrent")

        def reserve(amount):
            address = pointer(0)
            check(cuda.cuMemAlloc_v2(ctypes.byref(address), size_t(amount)), "cuMemAlloc")
            check(cuda.cuMemsetD8_v2(address, ctypes.c_ubyte(0), size_t(amount)), "cuMemset")
            return address

        def wait():
            check(cuda.cuCtxSynchronize(), "cuCtxSynchronize")

        rates = multiply_with(blas, index, reserve, wait) if blas is not None else []
        amount = 256 << 20
        one, two = reserve(amount), reserve(amount)
        here = ctypes.c_void_p()
        check(cuda.cuMemAllocHost_v2(ctypes.byref(here), size_t(amount)), "cuMemAllocHost")

        def copy_within():
            for _ in range(8):
                check(cuda.cuMemcpyDtoD_v2(two, one, size_t(amount)), "cuMemcpyDtoD")
            wait()

        def copy_in():
            check(cuda.cuMemcpyHtoD_v2(one, here, size_t(amount)), "cuMemcpyHtoD")

        def copy_out():
            check(cuda.cuMemcpyDtoH_v2(here, one, size_t(amount)), "cuMemcpyDtoH")

        memory = best_rate(copy_within, 8 * 2 * amount)
        tell_card(number(index), rates, memory, best_rate(copy_in, amount), best_rate(copy_out, amount))

    each_card(total.value, measure)
    if total.value > 1:
        unmeasured("all-reduce: it needs PyTorch")
    return True


# Half precision in, half precision out, sums in single precision: CUDA_R_16F is 2, CUBLAS_COMPUTE_32F is 68.
def multiply_with(blas, index, reserve, wait):
    handle = ctypes.c_void_p()
    check(blas.cublasCreate_v2(ctypes.byref(handle)), "cublasCreate")
    size = 8192
    left, right, product = (reserve(size * size * 2) for _ in range(3))
    one, zero = ctypes.c_float(1), ctypes.c_float(0)

    def multiply():
        for _ in range(8):
            code = blas.cublasGemmEx(
                handle, 0, 0, size, size, size, ctypes.byref(one),
                left, 2, size, right, 2, size, ctypes.byref(zero), product, 2, size, 68, -1,
            )
            check(code, "cublasGemmEx")
        wait()

    return windows(multiply, 8 * 2 * size**3, window)



def main():
    if len(sys.argv) > 3:
        return reduce_rank(sys.argv[2], int(sys.argv[3]))
    try:
        import torch
    except Exception:
        torch = None
    if torch is not None:
        try:
            import torch_npu  # noqa: F401

            if torch.npu.is_available():
                return with_torch(torch, "npu")
        except Exception:
            pass
        if torch.cuda.is_available():
            return with_torch(torch, "cuda")
    if not with_driver():
        unmeasured("matrix rate, memory and link bandwidth, all-reduce: neither PyTorch nor the driver's library finds a card")


main()
