"""The embedded broker: several queues, several readers, no message lost, doubled or half-read."""

import threading
from queue import Empty

import pytest
from kombu import Connection

import apps.config.filebroker  # noqa: F401  registers the transport


@pytest.fixture
def channel(tmp_path):
    folder = tmp_path / "messages"
    folder.mkdir()
    (tmp_path / "control").mkdir()
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(tmp_path / "control"),
    }
    with Connection("files://localhost/", transport_options=options) as connection:
        yield connection.channel()


def test_a_queue_gives_its_own_messages_in_order(channel):
    for number in range(3):
        channel._put("cpu", {"number": number})
        channel._put("gpu", {"number": number + 10})
    assert [channel._get("gpu")["number"] for _ in range(3)] == [10, 11, 12]
    assert [channel._get("cpu")["number"] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Empty):
        channel._get("cpu")


def test_a_queue_whose_name_ends_like_another_is_another(channel):
    channel._put("a.cpu", {"number": 1})
    with pytest.raises(Empty):
        channel._get("cpu")


def test_busy_readers_get_every_message_whole_and_once(channel):
    n, readers, got, errors = 400, 3, [], []
    written = threading.Event()

    def read():
        while True:
            finished = written.is_set()
            try:
                got.append(channel._get("cpu")["number"])
            except Empty:
                if finished:
                    return
            except Exception as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for number in range(n):
        channel._put("cpu", {"number": number, "text": "x" * 2000})
    written.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(got) == list(range(n))


def test_a_message_cut_off_by_a_power_failure_is_passed_over(channel, tmp_path):
    (tmp_path / "messages" / "0001_cut.cpu.msg").write_text('{"number": ')
    channel._put("cpu", {"number": 7})
    assert channel._get("cpu") == {"number": 7}
