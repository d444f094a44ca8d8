"""Are NIM's variables that do nothing told, without their values?"""

from types import SimpleNamespace

from nimprofile.base.variables.notes import variable_notes
from nimprofile.doctor.finding import Status
from nimprofile.doctor.settings.nim_variables import nim_variables


def found(**environ):
    return [*nim_variables(SimpleNamespace(environ=environ))]


def test_where_none_is_set_all_is_well():
    (finding,) = found(PATH="/bin", NIM_MODEL_PROFILE="default")
    assert ("nim variables", Status.OK) == (finding.check, finding.status)


def test_a_variable_that_nim_does_not_know_is_told_with_the_nearest():
    (finding,) = found(NIM_MODEL_PROFIL="s3cr3t-value")
    assert Status.WARNING is finding.status
    assert "did you mean NIM_MODEL_PROFILE?" in finding.finding
    assert "s3cr3t-value" not in finding.finding + finding.fix
    assert finding.fix.startswith("unset NIM_MODEL_PROFIL")


def test_every_note_of_the_selection_is_told_in_its_own_words():
    environ = {"NIM_MAX_NUM_SEQS": "4", "NIM_NO_SUCH_THING": "1", "NIM_SERVER_PORT": "1"}
    notes = variable_notes(environ)
    assert notes
    assert [str(note) for note in notes] == [each.finding for each in found(**environ)]
