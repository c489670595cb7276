#!/usr/bin/python3
"""What operators read and type about a program, made from its own --help: nothing stands twice.

  operator_texts.py PROGRAM TEMPLATE VERSION OUT

PROGRAM is run with --help; TEMPLATE is its man page with the lines @VERBS@, @OPTIONS@
and @KEYS@ where the tables go and @VERSION@ in its title. Writes into the directory OUT:

  NAME.SECTION       the man page (SECTION is TEMPLATE's ending)
  NAME.yml           the configuration file, every key commented out with its default; only where
                     the program has keys
  NAME.bash, _NAME, NAME.fish   completions for bash, zsh and fish

Exit status: 0 done, 1 the help has a line that is not understood, 2 wrong usage.
"""
import collections
import os
import re
import subprocess
import sys

# One row of --help. `key` is empty for what only a flag can say; `value` for a bare flag.
Option = collections.namedtuple("Option", "flag letter value help default key")
Help = collections.namedtuple("Help", "about options verbs")

ROW = re.compile(r"^  (?P<names>-\S+)(?: (?P<value>\S.*?))?(?:  +(?P<text>\S.*))?$")
TEXT = re.compile(r"^(?P<help>.*?)(?: \[(?P<default>[^\[\]]*)\])?"
                  r"(?: \((?:key: (?P<key>[a-z0-9_.]+)|(?P<bare>flag only))\))?$")
STANDARD = ("--help", "--version", "--config", "--print-config")


def parse_help(text):
    """The Help that a --help text shows; ValueError names a line that is not understood."""
    lines = text.splitlines()
    about, options, verbs, part = [], [], [], None
    pending = None
    for line in lines:
        if line.startswith("Usage:"):
            part = "usage"
        elif line in ("Options:", "Subcommands:"):
            part = line
        elif part is None:
            about.append(line)
        elif not line.strip():
            pending = None
        elif not line.startswith("  "):
            part = "footer"
        elif part == "Subcommands:":
            name, _, help_ = line.strip().partition(" ")
            verbs.append((name, help_.strip()))
        elif part == "Options:":
            if pending is not None and line.startswith("   "):  # a long name, its text below it
                options.append(option_of(pending, line.strip()))
                pending = None
                continue
            row = ROW.match(line)
            if not row:
                raise ValueError("not understood: %r" % line)
            if row["text"] is None:
                pending = row
            else:
                options.append(option_of(row, row["text"]))
    if not options:
        raise ValueError("no options in this help")
    return Help(" ".join(about).strip(), options, verbs)


def option_of(row, text):
    names = row["names"].split(",")
    flag = next(name for name in names if name.startswith("--"))
    letter = next((name for name in names if not name.startswith("--")), "")
    parts = TEXT.match(text)
    key = parts["key"] or ""
    if not key and not parts["bare"] and flag not in STANDARD:
        key = flag[2:]
    return Option(flag, letter, row["value"] or "", parts["help"], parts["default"], key)


def sentence(text):
    return text[:1].upper() + text[1:]


# ---- the man page ---------------------------------------------------------------------------
def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in ".'" else text


def man_page(template, help_, version):
    options = []
    for option in help_.options:
        names = ", ".join("\\fB%s\\fR" % roff(name) for name in (option.letter, option.flag) if name)
        value = " \\fI%s\\fR" % roff(option.value) if option.value else ""
        options += [".TP", names + value, roff(sentence(option.help)) + "."]
        if option.default:
            options += ["Default: \\fB%s\\fR." % roff(option.default)]
    keys = [", ".join("\\fB%s\\fR" % roff(o.key) for o in help_.options if o.key) + "."]
    verbs = []
    for name, text in help_.verbs:
        verbs += [".TP", "\\fB%s\\fR" % roff(name), roff(text) + "."]
    parts = {"@OPTIONS@": options, "@KEYS@": keys, "@VERBS@": verbs}
    lines = []
    for line in template.splitlines():
        if parts.get(line) == []:
            lines.pop()  # the title of a part that this program has not
        lines += parts.get(line, [line.replace("@VERSION@", version)])
    return "\n".join(lines) + "\n"


# ---- the configuration file -----------------------------------------------------------------
def yaml_value(option):
    """The default as YAML; "" where there is none, which every such key takes."""
    default = option.default or ""
    return default if re.fullmatch(r"[\w./@:-]*[\w./@-]", default) else '"%s"' % default


def config_file(name, help_):
    lines = ["# Configuration of %s. Every key stands here with its default;" % name,
             "# take the # away before one to change it. A flag wins over its key: see %s(8)." % name,
             "# A wrong file is refused with line, key and remedy, and the program does not start."]
    section = ""
    for option in help_.options:
        if not option.key:
            continue
        head, dot, leaf = option.key.rpartition(".")
        indent = ""
        if dot:
            indent = "  "
            if head != section:
                lines += ["", "#%s:" % head]
        section = head
        form = " (%s)" % option.value if option.value else " (true|false)"
        lines += ([] if dot else [""]) + ["#%s# %s%s" % (indent, sentence(option.help), form)
                                          if dot else "# %s%s" % (sentence(option.help), form),
                                          "#%s%s: %s" % (indent, leaf, yaml_value(option))]
    return "\n".join(lines) + "\n"


# ---- completions ----------------------------------------------------------------------------
def choices(option):
    return option.value.split("|") if "|" in option.value else []


def bash_completion(name, help_):
    by_kind = collections.defaultdict(list)
    for option in help_.options:
        if option.value:
            kind = " ".join(choices(option)) or option.value
            by_kind[kind] += [n for n in (option.letter, option.flag) if n]
    words = [name_ for name_, _ in help_.verbs] + [o.flag for o in help_.options]
    function = "_" + name.replace("-", "_")
    lines = ["# bash completion of %s" % name, function + "() {",
             "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}",
             "  COMPREPLY=()", "  case $before in"]
    for kind, flags in by_kind.items():
        action = {"FILE": "compopt -o filenames 2>/dev/null; "
                          "mapfile -t COMPREPLY < <(compgen -f -- \"$word\")",
                  "DIR": "compopt -o filenames 2>/dev/null; "
                         "mapfile -t COMPREPLY < <(compgen -d -- \"$word\")"}.get(kind, ":")
        if " " in kind:
            action = "mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$word\")" % kind
        lines += ["  %s) %s ;;" % (" | ".join(flags), action)]
    lines += ["  *) mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$word\") ;;" % " ".join(words),
              "  esac", "}", "complete -F %s %s" % (function, name)]
    return "\n".join(lines) + "\n"


def zsh_text(text):
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")


def zsh_completion(name, help_):
    lines = ["#compdef %s" % name, "_arguments -S \\"]
    for option in help_.options:
        action = {"FILE": ":_files", "DIR": ":_files -/"}.get(option.value, ": ")
        if choices(option):
            action = ":(%s)" % " ".join(choices(option))
        value = ":%s%s" % (zsh_text(option.value), action) if option.value else ""
        equals = "=" if option.value else ""
        for flag in [n for n in (option.letter, option.flag) if n]:
            lines.append("  '%s%s[%s]%s' \\" % (flag, equals if flag[1] == "-" else "",
                                               zsh_text(option.help), value))
    verbs = " ".join(r"%s\:'\''%s'\''" % (verb, zsh_text(text).replace(" ", r"\ "))
                     for verb, text in help_.verbs)
    lines.append("  '1::command:((%s))'" % verbs.replace(r"'\''", "") if help_.verbs
                 else "  '*: : '")
    return "\n".join(lines) + "\n"


def fish_text(text):
    return "'%s'" % text.replace("\\", "\\\\").replace("'", "\\'")


def fish_completion(name, help_):
    lines = ["# fish completion of %s" % name, "complete -c %s -f" % name]
    for verb, text in help_.verbs:
        lines.append("complete -c %s -n __fish_use_subcommand -a %s -d %s"
                     % (name, verb, fish_text(text)))
    for option in help_.options:
        kind = {"": "", "FILE": " -r -F", "DIR": " -x -a '(__fish_complete_directories)'"}.get(
            option.value, " -x")
        if choices(option):
            kind = " -x -a '%s'" % " ".join(choices(option))
        letter = " -s %s" % option.letter[1:] if option.letter else ""
        lines.append("complete -c %s%s -l %s%s -d %s"
                     % (name, letter, option.flag[2:], kind, fish_text(option.help)))
    return "\n".join(lines) + "\n"


def main(program, template, version, out):
    name, section = os.path.basename(program), template.rsplit(".", 1)[1]
    help_ = parse_help(subprocess.run([program, "--help"], check=True, stdout=subprocess.PIPE,
                                      text=True).stdout)
    with open(template) as file:
        page = man_page(file.read(), help_, version)
    made = {"%s.%s" % (name, section): page, name + ".bash": bash_completion(name, help_),
            "_" + name: zsh_completion(name, help_), name + ".fish": fish_completion(name, help_)}
    if any(option.key for option in help_.options):
        made[name + ".yml"] = config_file(name, help_)
    os.makedirs(out, exist_ok=True)
    for file_name, text in made.items():
        with open(os.path.join(out, file_name), "w") as file:
            file.write(text)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except ValueError as error:
        sys.exit("operator_texts.py: %s --help: %s" % (sys.argv[1], error))
