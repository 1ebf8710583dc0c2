import pytest

from release_mirror.published import checksums_in, is_checksums

A, B = "a" * 64, "b" * 64
ASSETS = ["tool.tar.gz", "tool.zip", "my tool.exe"]


@pytest.mark.parametrize(
    "name",
    [
        "SHA256SUMS",
        "sha256sums.txt",
        "SHA256SUM",
        "sha256sum.txt",
        "checksums.txt",
        "checksum",
        "tool_1.0_checksums.txt",
        "tool-1.0-SHA256SUMS",
        "checksums_sha256.txt",
        "sha256.sum",
        "tool.tar.gz.sha256",
        "tool.tar.gz.sha256sum",
    ],
)
def test_files_of_checksums_are_known_by_their_names(name: str) -> None:
    assert is_checksums(name)


@pytest.mark.parametrize(
    "name", ["tool.tar.gz", "SHA256SUMS.sig", "checksums.txt.pem", "mychecksums", "SHA512SUMS", ""]
)
def test_other_files_are_not(name: str) -> None:
    assert not is_checksums(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{A}  tool.zip\n", {"tool.zip": A}),
        (f"{A} *tool.zip\n", {"tool.zip": A}),
        (f"{A}  my tool.exe\r\n{B}  tool.zip\r\n", {"my tool.exe": A, "tool.zip": B}),
        (f"{A.upper()}  ./tool.zip\n", {"tool.zip": A}),
        (f"{A}  dist/tool.zip\n", {"tool.zip": A}),
        (f"{A}  linux/tool.zip\n{B}  mac/tool.zip\n", {}),
        (f"{A}  linux/tool.zip\n{B}  tool.zip\n", {"tool.zip": B}),
        (f"SHA256 (tool.zip) = {A}\n", {"tool.zip": A}),
        (f"SHA2-256(tool.zip)= {A}\n", {"tool.zip": A}),
        (f"{A}{B}  tool.zip\n", {}),
        (f"{A[:40]}  tool.zip\n", {}),
        (f"{A}  another.zip\n", {}),
        (f"{A}\n", {}),
        ("<html>not found</html>", {}),
        ("", {}),
    ],
)
def test_a_list_says_what_its_lines_say_of_the_releases_assets(
    text: str, expected: dict[str, str]
) -> None:
    assert checksums_in("SHA256SUMS", text, ASSETS) == expected


@pytest.mark.parametrize("text", [A, f"{A}\n", f"  {A.upper()}  \n", f"{A}  tool.zip\n"])
def test_a_file_of_one_checksum_may_leave_the_name_out(text: str) -> None:
    assert checksums_in("tool.zip.sha256", text, ASSETS) == {"tool.zip": A}


def test_a_bare_digest_of_no_asset_says_nothing() -> None:
    assert checksums_in("other.zip.sha256", A, ASSETS) == {}
