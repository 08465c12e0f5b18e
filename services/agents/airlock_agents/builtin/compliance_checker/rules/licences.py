"""The rules about licences."""

from __future__ import annotations

from .rule import Rule

LICENCES = (
    Rule(
        "licences.text-missing",
        "HIGH",
        "The repository has a licence",
        "Without one nobody may use the code, and nobody can tell what its authors allow.",
        "Put the licence's full text into a file LICENSE at the top.",
        ("workspace",),
        also_in="files",
    ),
    Rule(
        "licences.text-unrecognised",
        "MEDIUM",
        "The licence is one that is known",
        "A text that nobody has read before has to be read by a lawyer, by each user again.",
        "Use the unchanged text of a licence from the SPDX list, or say proprietary and all rights reserved.",
        ("licence text",),
    ),
    Rule(
        "licences.undeclared",
        "LOW",
        "Package manifests declare the licence",
        "Registries and tools read the manifest, not the LICENSE file.",
        "Declare an SPDX expression in the manifest.",
        ("manifest",),
    ),
    Rule(
        "licences.disagree",
        "HIGH",
        "The manifest and the licence text agree",
        "Two answers to one question: users rely on the one that suits them.",
        "Make the manifest's licence and the LICENSE file say the same.",
        ("manifest",),
    ),
    Rule(
        "licences.expression-invalid",
        "LOW",
        "Declared licences are SPDX expressions",
        "Tools cannot read free text, so they take the licence for unknown.",
        "Write an identifier of the SPDX list, combined with AND, OR and WITH.",
        ("manifest", "source"),
    ),
    Rule(
        "licences.header-missing",
        "LOW",
        "Source files name their licence, where it is the custom",
        "A file that is copied elsewhere takes its licence along only if it names it.",
        "Start the file with a comment: SPDX-License-Identifier and the expression.",
        ("source",),
        options={"when": "practised"},
    ),
    Rule(
        "licences.header-disagrees",
        "MEDIUM",
        "Source files are under the repository's licence",
        "Code under another licence was copied in, or the header is wrong: both must be known.",
        "Correct the header, or keep the other licence's text beside the file and declare both.",
        ("source",),
    ),
    Rule(
        "licences.dependency-denied",
        "HIGH",
        "No dependency is under a licence that is ruled out",
        "Its terms bind whoever ships the whole.",
        "Replace the dependency, get another licence for it, or record an exception with the reason.",
        ("dependency",),
    ),
    Rule(
        "licences.dependency-copyleft",
        "MEDIUM",
        "A permissively licensed project does not ship strong copyleft",
        "Who ships the whole has to follow the stricter licence, not the one that the project names.",
        "Make the dependency optional, replace it, or record an exception with the reason.",
        ("dependency",),
    ),
    Rule(
        "licences.dependency-not-allowed",
        "MEDIUM",
        "Dependencies keep to the list of allowed licences",
        "The policy names what may be used, and this is not among it.",
        "Have the licence looked at and allowed, or replace the dependency.",
        ("dependency",),
    ),
    Rule(
        "licences.dependency-unknown",
        "LOW",
        "The licence of each dependency is known",
        "What declares no licence that can be read may not be used at all.",
        "Look the licence up at its source and record an exception that names it.",
        ("dependency",),
    ),
)
