"""Confs of flows that run at the same time in one session."""

import threading
from types import SimpleNamespace

from livetables.spark.confs import own_confs


class Conf(dict):
    """What a session's conf does."""

    set = dict.__setitem__
    unset = dict.__delitem__


def test_each_flow_has_its_own_confs_though_flows_share_the_session():
    """Flows with equal confs run together, others wait for them, and afterwards all is as it was."""
    session = SimpleNamespace(conf=Conf(zone="UTC"))
    seen, together, entered = [], threading.Barrier(2, timeout=10), threading.Event()

    def flow(values, barrier=None):
        with own_confs(session, values):
            if barrier:
                barrier.wait()
                entered.set()
                seen.append(session.conf["zone"])
                barrier.wait()
            seen.append(session.conf["zone"])

    both = [threading.Thread(target=flow, args=({"zone": "Asia/Tokyo"}, together)) for _ in range(2)]
    for thread in both:
        thread.start()
    assert entered.wait(10)
    other = threading.Thread(target=flow, args=({},))
    other.start()
    for thread in (*both, other):
        thread.join(10)
    assert ["Asia/Tokyo"] * 4 + ["UTC"] == seen
    assert {"zone": "UTC"} == session.conf
