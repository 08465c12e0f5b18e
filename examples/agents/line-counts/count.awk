# Reads the input document, whose shape Airlock has checked: an array of {"path", "text"}, in any order.
# So a walk over its strings is enough: a string before a colon is a key, the next one its value.

{ document = document $0 "\n" }

END {
    at = 1
    while (match(substr(document, at), /"([^"\\]|\\.)*"[ \t\r\n]*:?/)) {
        token = substr(document, at + RSTART - 1, RLENGTH)
        at += RSTART + RLENGTH - 1
        is_key = token ~ /:$/
        sub(/"[ \t\r\n]*:?$/, "", token)
        token = substr(token, 2)
        if (is_key) {
            key = token
        } else if (key == "path") {
            path = token
            seen++
        } else if (key == "text") {
            text = token
            seen++
        }
        # Both in either order: then a file is complete.
        if (!is_key && seen == 2) {
            count(path, text)
            seen = 0
        }
    }
    report()
}

function count(path, text,    language, lines, n, i, blank) {
    language = language_of(path)
    gsub(/\\\\/, "\001", text) # an escaped backslash must not lend itself to the n behind it
    n = split(text, lines, /\\r\\n|\\n|\\u000[aA]/)
    if (n > 0 && lines[n] == "") n-- # the end of the last line
    blank = 0
    for (i = 1; i <= n; i++) {
        gsub(/\\t|\\r|[ \t]/, "", lines[i])
        if (lines[i] == "") blank++
    }
    files_of[language]++
    lines_of[language] += n
    blank_of[language] += blank
}

function language_of(path,    name, parts, n) {
    n = split(path, parts, "/")
    name = tolower(parts[n])
    if (name ~ /^dockerfile/) return "Docker"
    if (name ~ /^makefile$|\.mk$/) return "Make"
    if (name ~ /\.py$/) return "Python"
    if (name ~ /\.(js|mjs|cjs|jsx)$/) return "JavaScript"
    if (name ~ /\.(ts|tsx)$/) return "TypeScript"
    if (name ~ /\.go$/) return "Go"
    if (name ~ /\.rs$/) return "Rust"
    if (name ~ /\.(c|h)$/) return "C"
    if (name ~ /\.(cc|cpp|hpp)$/) return "C++"
    if (name ~ /\.java$/) return "Java"
    if (name ~ /\.rb$/) return "Ruby"
    if (name ~ /\.(sh|bash)$/) return "Shell"
    if (name ~ /\.(md|rst|txt)$/) return "Text"
    if (name ~ /\.(ya?ml|json|toml|ini)$/) return "Configuration"
    if (name ~ /\.(html?|css)$/) return "Web"
    if (name ~ /\.sql$/) return "SQL"
    return "Other"
}

function report(    order, n, i, j, kept, language, all, list) {
    for (language in files_of) order[++n] = language
    for (i = 2; i <= n; i++) { # by name: the order of an array is not
        kept = order[i]
        for (j = i - 1; j >= 1 && order[j] > kept; j--) order[j + 1] = order[j]
        order[j + 1] = kept
    }
    for (i = 1; i <= n; i++) {
        language = order[i]
        all["files"] += files_of[language]
        all["lines"] += lines_of[language]
        all["blank"] += blank_of[language]
        list = list (i > 1 ? "," : "") sprintf("{\"language\":\"%s\",\"files\":%d,\"lines\":%d,\"blank\":%d}", \
            language, files_of[language], lines_of[language], blank_of[language])
    }
    printf "{\"files\":%d,\"lines\":%d,\"blank\":%d,\"languages\":[%s]}\n", all["files"], all["lines"], all["blank"], list
}
