"""What the user can tell the run: pause, go on, stop; and leaving while it goes on."""

from textual.app import App

from probe.errors import ProbeError
from probe.tui.follow import Follower
from probe.tui.screens.pick import Option, Pick


class RunCommands(App[str], inherit_bindings=False):
    """The part of the application that sends commands; it exits with ``detached`` or ``quit``."""

    follow: Follower

    def say(self, text: str, *, severity: str = "information") -> None:
        """A message that goes away by itself."""
        raise NotImplementedError

    def _send(self, verb: str, said: str) -> None:
        try:
            assert self.follow.source is not None
            self.follow.source.command(verb)
        except ProbeError as error:
            self.say(str(error), severity="error")
        else:
            self.say(said)

    def action_pause(self) -> None:
        self._send("pause", "Asked the run to pause.")

    def action_resume(self) -> None:
        self._send("resume", "Asked the run to go on.")

    def action_stop(self) -> None:
        def answered(key: str | None) -> None:
            if key == "stop":
                self._send("stop", "Asked the run to stop. What was measured is kept.")

        options = [
            Option("go on", "Go on testing"),
            Option("stop", "Stop the run", "it can be resumed later"),
        ]
        text = "What was measured is kept, and judged as far as it goes."
        self.push_screen(Pick("Stop this run?", options, text=text), answered)

    def action_leave(self) -> None:
        if not self.follow.working:
            self.exit("quit")
            return

        def answered(key: str | None) -> None:
            if key is None:
                return
            if key in ("pause", "stop"):
                self._send(key, "")
            self.exit("quit" if key == "stop" else "detached")

        options = [
            Option("detach", "Leave", "the run goes on; q again does the same"),
            Option("pause", "Pause the run and leave", "nothing is sent until it is resumed"),
            Option("stop", "Stop the run and leave", "what was measured is kept"),
        ]
        run = self.follow.state.run
        text = "The run is a process of its own and goes on without this window."
        if run is not None:
            text += f" Come back with: probe tui {run.id}"
        self.push_screen(Pick("Leave", options, text=text, again=True), answered)
