type Variables = Readonly<Record<string, string>>;

// huggingface.co cannot be reached from rooms in mainland China; this mirror takes the same names —
// https://www.autodl.com/docs (2026-09)
const huggingFace: Variables = { HF_ENDPOINT: "https://hf-mirror.com" };

/** For rooms in mainland China whose images have a package mirror of their own. */
export const modelMirrors: Variables = huggingFace;

/** For other rooms in mainland China. Packages: https://mirrors.tuna.tsinghua.edu.cn/help/pypi (2026-11) */
export const mainlandMirrors: Variables = {
  ...huggingFace,
  PIP_INDEX_URL: "https://pypi.tuna.tsinghua.edu.cn/simple",
  UV_DEFAULT_INDEX: "https://pypi.tuna.tsinghua.edu.cn/simple",
};

/**
 * A platform's own proxy for downloads from abroad. It is set for Git and GitHub alone, as it blocks or slows down
 * everything else; a job that wants it for more finds its address in `GPUJOB_DOWNLOAD_PROXY`.
 */
export function downloadProxy(address: string): Variables {
  return {
    GPUJOB_DOWNLOAD_PROXY: address,
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "http.https://github.com/.proxy",
    GIT_CONFIG_VALUE_0: address,
  };
}
