"""The house as it stands keeps its own rules."""

from pathlib import Path

import house_files
import house_reader
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def files() -> list[str]:
    return house_reader.tracked_files(ROOT)


@pytest.fixture(scope="module")
def modules(files: list[str]) -> list[house_reader.Module]:
    return house_reader.read_modules(ROOT, files)


def test_the_reader_sees_every_part_of_the_house(modules: list[house_reader.Module]) -> None:
    assert {module.name for module in modules} >= {
        "airlock_agents",
        "airlock_chassis",
        "airlock_client",
        "airlock_contracts",
        "airlock_orchestration",
        "airlock_sdk",
    }


def test_an_import_goes_down_and_never_up(modules: list[house_reader.Module]) -> None:
    assert house_reader.floor_breaks(modules) == []


def test_third_parties_stay_in_their_homes(modules: list[house_reader.Module]) -> None:
    assert house_reader.home_breaks(modules) == []


def test_no_imports_go_in_a_circle(modules: list[house_reader.Module]) -> None:
    assert house_reader.circles(modules) == []


def test_the_core_is_pure(modules: list[house_reader.Module]) -> None:
    assert house_reader.impurities(modules) == []


def test_no_python_file_has_outgrown_its_name(files: list[str]) -> None:
    assert house_files.long_files(ROOT, files) == []


def test_every_python_file_is_named_for_what_it_is(files: list[str]) -> None:
    assert house_files.nameless_files(files) == []


def test_public_faces_are_sorted_and_kept(files: list[str]) -> None:
    assert house_files.promises(ROOT, files) == []


def test_no_tracked_text_names_a_machine_or_a_registry(files: list[str]) -> None:
    assert house_files.unwelcome_words(ROOT, files) == []


def test_test_files_have_names_of_their_own_and_none_skips(files: list[str]) -> None:
    assert house_files.untidy_tests(ROOT, files) == []


def test_every_package_ships_its_types(modules: list[house_reader.Module], files: list[str]) -> None:
    packages = [module for module in modules if module.is_package and "." not in module.name]
    assert len(packages) == 6
    assert [module.path for module in packages if not typed(module) <= set(files)] == []


def typed(module: house_reader.Module) -> set[str]:
    return {module.path.replace("__init__.py", "py.typed")}
