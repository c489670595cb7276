#!/usr/bin/python3
"""What operators read and type, against the programs' own --help and the real man and shells."""
import os
import re
import subprocess

import packages
from packages import BUILD, PROGRAMS, run

TEXTS = os.path.join(BUILD, "packaging", "texts")
KEY = re.compile(r"^#(  )?([a-z_0-9]+):(?: (.*))?$")


def program(name):
    return os.path.join(BUILD, "bin", name)


def help_lines(name):
    """The lines of --help that describe an option."""
    return re.findall(r"^  (-.*)$", run(program(name), "--help").stdout, re.M)


def flags(name):
    return [word for line in help_lines(name) for word in re.split(r"[ ,]", line.split("  ")[0])
            if word.startswith("--")]


def text(name, file):
    with open(os.path.join(TEXTS, name, file)) as opened:
        return opened.read()


def all_programs():
    names = sorted(os.listdir(TEXTS))
    assert set(PROGRAMS.values()) <= set(names), names
    return names


class Texts(packages.Case):
    def keys(self, name):
        """{key: default as YAML} of the configuration file, sections spelt out."""
        found, section = {}, ""
        for line in text(name, name + ".yml").splitlines():
            match = KEY.match(line)
            if not match:
                self.assertTrue(line == "" or re.match(r"^# |^#  # ", line), line)
            elif match[3] is None:
                section = match[2] + "."
            else:
                found[(section if match[1] else "") + match[2]] = match[3]
        return found

    def test_every_key_stands_in_the_configuration_file_with_its_default(self):
        for name in PROGRAMS.values():
            keys = self.keys(name)
            wanted = {}
            for line in help_lines(name):
                flag = re.search(r"--[a-z-]+", line)[0]
                if "(flag only)" in line or flag in (
                        "--help", "--version", "--config", "--print-config"):
                    continue
                key = re.search(r"\(key: ([^)]*)\)", line)
                default = re.search(r" \[([^\]]*)\](?: \(key|$)", line)
                wanted[key[1] if key else flag[2:]] = default[1] if default else ""
            self.assertGreater(len(wanted), 10)
            self.assertEqual({key: value.strip('"') for key, value in keys.items()}, wanted)

    def test_the_program_takes_the_file_with_every_key_uncommented(self):
        for component, name in PROGRAMS.items():
            lines = [line[1:] if KEY.match(line) else line
                     for line in text(name, name + ".yml").splitlines()]
            path = os.path.join(self.directory, component + ".yml")
            with open(path, "w") as file:
                file.write("\n".join(lines))
            # Flags come after the file: what is refused is the flag, so the file was taken.
            done = run(program(name), "--config", path, "--log-level", "loud", check=False)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn("--log-level: 'loud'", done.stdout)
            with open(path, "a") as file:
                file.write("\nno_such_key: 1\n")
            done = run(program(name), "--config", path, "--log-level", "loud", check=False)
            self.assertIn("%s:%d: no_such_key" % (path, len(lines) + 1), done.stdout)

    def test_the_man_page_shows_every_flag_and_no_warning(self):
        for name in all_programs():
            page = one_page(name)
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=dict(os.environ, MANWIDTH="200", MAN_KEEP_FORMATTING=""))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            shown = re.sub("\x1b\\[[0-9;]*m|.\b", "", done.stdout)
            for flag in flags(name):
                self.assertRegex(shown, r"(?m)^ +(-\w, )?%s( |$)" % re.escape(flag))
            self.assertIn("dAdvisor " + packages.version(), shown)
            self.assertNotIn("@", re.sub(r"\S+@\S+", "", shown))

    def test_bash_completes_flags_choices_and_verbs(self):
        for name in all_programs():
            self.assertEqual(sorted(complete_with(name, "--")), sorted(flags(name)))
        name = "dadvisor-agent"
        self.assertEqual(complete_with(name, "--services", "a"), ["auto", "always"])
        self.assertEqual(complete_with(name, "on"), ["once"])
        self.assertEqual(complete_with(name, "--cluster", ""), [])

    def test_fish_completes_them(self):
        for name in all_programs():
            complete = lambda line: [word.split("\t")[0] for word in run(
                "fish", "--no-config", "-c", 'source $argv[1]; complete -C $argv[2]',
                os.path.join(TEXTS, name, name + ".fish"), line,
                env=dict(os.environ, HOME=self.directory)).stdout.splitlines()]
            self.assertEqual(sorted(complete(name + " --")), sorted(flags(name)))
            if name == "dadvisor-agent":
                self.assertEqual(complete(name + " --services a"), ["always", "auto"])
                self.assertIn("once", complete(name + " "))

    def test_zsh_completes_them(self):
        # A real zsh in a pseudo-terminal: its own completion prints what it would offer.
        for name in all_programs():
            offered = zsh_offers(os.path.join(TEXTS, name), name, name + " --")
            for flag in flags(name):
                self.assertIn(flag, offered)
        self.assertIn("once", zsh_offers(os.path.join(TEXTS, "dadvisor-agent"), "dadvisor-agent",
                                         "dadvisor-agent "))


def one_page(name):
    pages = [file for file in os.listdir(os.path.join(TEXTS, name)) if file.endswith(".gz")]
    assert len(pages) == 1, pages
    return os.path.join(TEXTS, name, pages[0])


def complete_with(name, *words):
    return run("bash", "-c", '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_${1//-/_}"; '
               'printf "%s\\n" "${COMPREPLY[@]-}"', os.path.join(TEXTS, name, name + ".bash"),
               name, *words).stdout.split()


def zsh_offers(directory, name, line):
    """The words that zsh offers for a command line, by its completion system itself."""
    script = r'''
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -D -u; zstyle ':completion:*' list-grouped false; LISTMAX=10000; compadd () { [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd \"\$@\"; return }; local -a got; builtin compadd -A got \"\$@\"; print -l -- \"<\$^got>\"; builtin compadd \"\$@\" }; comptest () { print; zle complete-word; print; print 'OF''FERED' }; zle -N comptest; bindkey '^X' comptest; print REA''DY"
zpty -r z all '*READY*'
zpty -w -n z "$2"$'\C-x'
zpty -r z all '*OFFERED*'
print -r -- "$all"
zpty -d z
'''
    done = run("timeout", "30", "zsh", "-f", "-c", script, "zsh", directory, line, check=False)
    return " ".join(re.findall(r"<([^<>\r\n]+)>", done.stdout)).split()


if __name__ == "__main__":
    packages.main("texts")
