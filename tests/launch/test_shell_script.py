"""The lines of a plan in a shell: folders, files, variables and the command, in this order.

That every word is read as itself is a law: `tests/laws/test_injection_laws.py`.
"""

from nimprofile import Server
from nimprofile.launch.plan import LaunchPlan, PlanFile
from nimprofile.launch.shell_script import shell_script


def plan(*files, env=()):
    return LaunchPlan(Server.VLLM, ("serve", "a b"), env, files=files, port=8000, health="/health")


def test_variables_are_set_before_the_server_starts():
    assert "export A='1 2'\nserve 'a b'\n" == shell_script(plan(env=(("A", "1 2"),)))


def test_a_folder_is_made_once_and_nothing_starts_where_a_file_cannot_be_written():
    files = PlanFile("/run/a", "x"), PlanFile("/run/b", "y z")
    assert (
        "mkdir -p -- /run &&\nprintf %s x > /run/a &&\nprintf %s 'y z' > /run/b &&\nserve 'a b'\n"
    ) == shell_script(plan(*files))
