import pytest

from multi_fetch.shown import shown_url

S = "s3cr3t"


@pytest.mark.parametrize(
    "rest",
    [
        *(f"?{name}={S}" for name in ("pw", "pin", "otp", "ticket", "sid", "PHPSESSID", "pass")),
        *(f"?{name}={S}" for name in ("PASS_WORD", "my_pass_1", "access_token", "%74oken", "Key")),
        *(f"?x=1;token={S}", f"?a&token={S}", f"?token%3D{S}", f"?redirect=/cb?access_token={S}"),
        *(f"?next=http%3A%2F%2Fu%3A{S}%40h%2F", f"?next=%2Fcb%3Fcode%3D{S}", f"?x={S * 20}"),
        *(f"?a={S}&X-Amz-Signature=1", f"?{S * 20}", f"#{S}", f"/p;jsessionid={S}"),
        *(f"/p;token={S}/q", f"/http://u:{S}@h/x", f"//u:{S}@h/x"),
    ],
)
def test_what_may_be_secret_is_not_shown(rest: str) -> None:
    for origin in ("http://host", "https://me:s3cr3t@host:8443/a"):
        shown = shown_url(origin + rest)
        assert S not in shown
        assert shown.startswith(("http://host", "https://host:8443/a"))


@pytest.mark.parametrize(
    "url",
    [
        *("http://h", "http://h/", "https://h:1/a/b.tar.gz", "http://h/?page=2&sort=name"),
        *("http://h/?q=a+b", "http://h/?flag", "http://h/;v=1/x", "http://[::1]:80/?a=1;b=2"),
        "http://h/?next=/a",
    ],
)
def test_what_is_no_secret_is_shown_as_it_is(url: str) -> None:
    assert shown_url(url) == url
