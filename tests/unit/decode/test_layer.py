from egret.decode.layer import Layer, Space, ip_layer


def test_ip_says_its_own_version() -> None:
    data = memoryview(b"\x45\x00")
    assert ip_layer(data) == Layer(Space.IP, 0, data)
