"""`pulumi` in the sandbox's shell: the real one, with the sandbox's copy of the stack file.

The engine needs this sandbox's addresses in the stack file, but the user's own file must not change. So the
copy is rewritten from the user's file before every command that reads the configuration. A command that
changes the stack shares the sandbox's lock, so that no sandbox command starts a second engine beside it.
"""

if __name__ == "__main__":  # what it imports later takes time
    from cli import interrupts

    interrupts.end_at_once()

import os
import sys

READS_ONLY = ("preview", "pre")
READS_CONFIGURATION = (*READS_ONLY, "up", "update", "refresh", "destroy", "watch", "import")
TAKES_A_VALUE = ("-C", "--cwd", "-s", "--stack", "--color", "-v", "--verbose", "--tracing", "--profiling")


def command_and_stack(words: list[str]) -> tuple[str | None, str | None]:
    """The command and the stack on a `pulumi` command line."""
    command, stack, previous = None, os.environ.get("PULUMI_STACK"), ""
    for word in words:
        if previous in ("-s", "--stack"):
            stack = word
        elif word.startswith("--stack="):
            stack = word.partition("=")[2]
        elif command is None and not word.startswith("-") and previous not in TAKES_A_VALUE:
            command = word
        previous = word
    return command, stack


def main() -> None:
    """Becomes `pulumi`, whose path is the first argument."""
    os.umask(0o077)  # whatever the shell's is: what the engine writes holds secrets
    pulumi, *words = sys.argv[1:]
    command, stack = command_and_stack(words)
    own_file = any(word.split("=")[0] == "--config-file" for word in words)
    if command in READS_CONFIGURATION and stack and not own_file and "--help" not in words:
        # Imported late, so that `pulumi stack output` does not wait for it.
        from sandbox import lock
        from sandbox.engine import Engine
        from sandbox.home import Home, SandboxError

        try:
            if command not in READS_ONLY:
                lock.share(Home.from_environment())
            stack_file = Engine(Home.from_environment(), stack).renew_stack_file()
        except SandboxError as error:
            sys.exit(f"error: {error}")
        if stack_file:
            words += ["--config-file", str(stack_file)]
    os.execv(pulumi, [pulumi, *words])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
