"""Which server a test is about, where it is not about all of them."""

import pytest

minio_only = pytest.mark.parametrize("server", ["minio"], indirect=True)
moto_only = pytest.mark.parametrize("server", ["moto"], indirect=True)
