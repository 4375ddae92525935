"""What launchers say in the environment, and what init_method says."""

import unittest
from unittest.mock import patch

from gopyrpc._rpc import launchers
from gopyrpc._rpc.init_method import InitMethod

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "n1", "MASTER_PORT": "29500"}
MPIRUN = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_LOCAL_SIZE": "3"}
MPICH = {"PMI_RANK": "2", "PMI_SIZE": "5"}
SLURM = {
    "SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "6", "SLURM_NNODES": "2", "SLURM_JOB_NODELIST": "n[03-05],x",
    "SLURM_JOB_ID": "1234567",
}  # fmt: skip
KUBERNETES = {"JOB_COMPLETION_INDEX": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "job-0.svc", "MASTER_PORT": "29500"}


def under(*launcher):
    variables = {}
    for one in launcher:
        variables.update(one)
    return patch.dict("os.environ", variables, clear=True)


def who():
    return launchers.number(launchers.RANK, "rank"), launchers.number(launchers.WORLD_SIZE, "world_size")


class Launchers(unittest.TestCase):
    def test_each_launcher_says_who_this_is(self):
        for launcher, want in ((TORCHRUN, (3, 4)), (MPIRUN, (1, 3)), (MPICH, (2, 5)), (SLURM, (5, 6)), (KUBERNETES, (1, 2))):
            with self.subTest(launcher=launcher), under(launcher):
                self.assertEqual(who(), want)

    def test_the_order_is_the_inner_launchers(self):
        with under(SLURM, MPIRUN):
            self.assertEqual(who(), (1, 3), "mpirun in a batch script of Slurm")
        with under(SLURM, MPIRUN, TORCHRUN):
            self.assertEqual(who(), (3, 4))

    def test_slurms_first_node_and_a_port_of_the_job(self):
        with under(SLURM):
            self.assertEqual(launchers.meeting_place(), ("n03", "24567"))
        with under(SLURM, {"MASTER_ADDR": "a", "MASTER_PORT": "5"}):
            self.assertEqual(launchers.meeting_place(), ("a", "5"))

    def test_the_first_of_a_list_of_nodes(self):
        for nodes, first in (
            ("n1", "n1"), ("n1,n2", "n1"), ("n[1-3,7],gpu2", "n1"), ("n[07,09]", "n07"), ("r[1-2]n[3-4].dc", "r1n3.dc"), ("", ""),
        ):  # fmt: skip
            self.assertEqual(launchers.first_of(nodes), first)

    def test_a_group_on_several_machines_is_known_to_be(self):
        for launcher, want in ((TORCHRUN, True), (MPIRUN, False), (MPICH, False), (SLURM, True), (KUBERNETES, True), ({}, False)):
            with self.subTest(launcher=launcher), under(launcher):
                self.assertIs(launchers.spread(*(who() if launcher else (0, 2))), want)
        with under(TORCHRUN):
            self.assertFalse(launchers.spread(0, 8), "a group of the program's own")

    def test_what_is_missing_is_named(self):
        with under():
            with self.assertRaisesRegex(ValueError, "RANK expected, which is ''.*SLURM_PROCID"):
                who()
            with self.assertRaisesRegex(ValueError, "MASTER_ADDR and no MASTER_PORT"):
                launchers.meeting_place()
        with under({"RANK": "x"}), self.assertRaisesRegex(ValueError, "RANK expected, which is 'x'"):
            who()


class InitMethods(unittest.TestCase):
    def test_each_kind_says_where(self):
        with under(TORCHRUN):
            self.assertEqual(InitMethod("env://").address(), "n1:29500")
        self.assertEqual(InitMethod("tcp://h:29500").address(), "h:29500")
        self.assertEqual(InitMethod("tcp://[::1]:29500/").address(), "[::1]:29500")
        self.assertEqual(InitMethod("file:///tmp/a%20b").path, "/tmp/a b")
        ours = InitMethod("gopyrpc://w0@h:1")
        self.assertEqual((ours.address(), ours.coordinator), ("h:1", "w0"))

    def test_a_query_says_who(self):
        method = InitMethod("tcp://h:1?rank=1&world_size=3")
        with under(TORCHRUN):
            self.assertEqual(method.number("rank", -1, launchers.RANK), 1)
            self.assertEqual(method.number("world_size", None, launchers.WORLD_SIZE), 3)
            self.assertEqual(method.number("rank", 1, launchers.RANK), 1)
            with self.assertRaisesRegex(ValueError, "rank=0 is given"):
                method.number("rank", 0, launchers.RANK)
            self.assertEqual(InitMethod("file:///f").number("rank", None, launchers.RANK), 3)

    def test_what_is_no_number_is_named(self):
        for wrong in ("0", 0.0, [1]):
            with self.assertRaisesRegex(TypeError, "rank must be an int, not "):
                InitMethod("tcp://h:1").number("rank", wrong, launchers.RANK)

    def test_what_cannot_be_read_is_an_error_with_the_url(self):
        for url in (
            "http://h:1", "tcp://h", "tcp://:1", "tcp://h:x", "file://", "tcp://h:1?rank=a", "tcp://h:1?rank=1&rank=2",
            "tcp://h:1?size=2", "nonsense", "gopyrpc://h",
        ):  # fmt: skip
            with self.subTest(url=url), self.assertRaisesRegex(ValueError, "init_method"):
                InitMethod(url)


if __name__ == "__main__":
    unittest.main()
