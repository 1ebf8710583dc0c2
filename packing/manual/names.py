"""What only people know of a command: what its variables mean, and which pages are near."""

VARIABLES = {
    "ALL_PROXY": "The proxy for URLs that no other variable is for.",
    "CI": "If it is set, progress is lines and not bars.",
    "DOCKER_CONTEXT": "The Docker context, where `--host` and `--context` are not given.",
    "DOCKER_HOST": "The daemon, where `--host` and `--context` are not given.",
    "GH_ENTERPRISE_TOKEN": "The token for a server that is not GitHub's own.",
    "GH_HOST": "The server of a repository that names none.",
    "GH_TOKEN": "The token for GitHub. It counts more than GITHUB_TOKEN.",
    "GITHUB_API_URL": "The API's root, where `--api-url` is not given.",
    "GITHUB_ENTERPRISE_TOKEN": "As GH_ENTERPRISE_TOKEN, which counts more.",
    "GITHUB_TOKEN": "The token for GitHub, where GH_TOKEN is not set.",
    "HTTPS_PROXY": "The proxy for https URLs.",
    "KUBECONFIG": "The kubeconfig files, where `--kubeconfig` is not given.",
    "NO_COLOR": "If it is not empty, nothing is coloured.",
    "NO_PROXY": "The hosts that are reached without a proxy.",
    "TOOLROLL_LOG": "The FILE of `--log-json` where that is not given.",
    "TOOLROLL_REQUEST_ID": "What its records and those of the commands it starts have as "
    "request_id; made anew for each run where it is not set.",
    "TOOLROLL_TRACEBACK": "If it is not empty, a bug in the command shows its traceback.",
    "XDG_CACHE_HOME": "Where caches are kept; without it, ~/.cache.",
    "XDG_DATA_HOME": "Where data are kept; without it, ~/.local/share.",
    "XDG_STATE_HOME": "Where states are kept; without it, ~/.local/state.",
}
"""Each variable that a help names, or that every command knows."""

SEE_ALSO = {
    "artifact-index": ("gh-releases", "release-mirror", "observe", "sqlite3"),
    "contains": ("wc-lite", "normalize", "grep"),
    "gh-releases": ("artifact-index", "release-mirror", "observe", "gh"),
    "image-pruner": ("observe", "docker-image-prune"),
    "k8s-toolbox": ("logtools", "observe", "kubectl"),
    "logtools": ("contains", "observe", "grep", "head", "tail"),
    "multi-fetch": ("release-mirror", "observe", "curl", "wget"),
    "normalize": ("wc-lite", "contains", "dos2unix"),
    "observe": ("proc-run", "logtools", "release-mirror", "promtool"),
    "proc-run": ("observe", "timeout", "flock"),
    "release-mirror": ("gh-releases", "artifact-index", "multi-fetch", "observe", "sha256sum"),
    "wc-lite": ("contains", "normalize", "wc"),
}
"""Ours first, then what people used before."""

ALWAYS = ("NO_COLOR", "TOOLROLL_LOG", "TOOLROLL_REQUEST_ID", "TOOLROLL_TRACEBACK")
"""The variables that count for each command, whether its help names them or not."""
