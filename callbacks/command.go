package callbacks

import (
	"regexp"
	"strconv"
	"strings"
)

// commands are what people type to see more of the event, and to run it again.
func (ev *Event) commands() []Fact {
	const see, again, unpause = "查看 See", "重跑 Run again", "恢复调度 Unpause"
	command := func(label string, words ...string) Fact {
		return Fact{label, ev.Program + " " + ShellLine(words...), true}
	}
	logs := func(task string, more ...string) Fact {
		return command(see, append([]string{"tasks", "logs", ev.DAGID, task, ev.RunID}, more...)...)
	}
	switch {
	case ev.Program == "" || ev.Kind == Execute || ev.Kind == Success || ev.Kind == Skipped || ev.Kind == Recovery || ev.Kind == NearlySpent:
		return nil
	case ev.Ask != nil:
		return []Fact{command("回答 Answer", ev.Ask.words()...)}
	case ev.Kind == SilenceEnd && ev.DAGID != "":
		return []Fact{command(see, "alerts", "list", ev.DAGID, "--state", "silenced")}
	case ev.Kind == SilenceEnd:
		return []Fact{command(see, "alerts", "list", "--state", "silenced")}
	case ev.Day != nil:
		return ev.Day.commands(command)
	case ev.Kind == ImportError && ev.State != "broken":
		return nil
	case ev.Kind == ImportError:
		return []Fact{command(see, "dags", "list-import-errors")}
	case ev.Kind == Missed && ev.Paused != "":
		return []Fact{command(see, "dags", "why", ev.DAGID), command(unpause, "dags", "unpause", ev.DAGID)}
	case ev.RunID == "" || ev.Kind == Deadline:
		return []Fact{command(see, "dags", "why", ev.DAGID)}
	case ev.TaskID == "":
		facts := []Fact{command(again, "tasks", "clear", ev.DAGID, "--run-id", ev.RunID, "--only-failed")}
		if len(ev.FailedTasks) > 0 {
			facts = append([]Fact{logs(ev.FailedTasks[0])}, facts...)
		}
		if ev.Paused != "" {
			facts = append(facts, command(unpause, "dags", "unpause", ev.DAGID))
		}
		return facts
	}
	more := []string{"--try", strconv.Itoa(ev.TryNumber)}
	if ev.MapIndex >= 0 {
		more = append(more, "--map-index", strconv.Itoa(ev.MapIndex))
	}
	facts := []Fact{logs(ev.TaskID, more...)}
	if ev.Kind == Failure {
		facts = append(facts, command(again, "tasks", "clear", ev.DAGID, "--run-id", ev.RunID,
			"--task-regex", "^"+regexp.QuoteMeta(ev.TaskID)+"$", "--downstream"))
	}
	return facts
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,-]+$`)

// ShellWord writes a word as a shell reads it.
func ShellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// ShellLine writes words as a shell reads them.
func ShellLine(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = ShellWord(word)
	}
	return strings.Join(quoted, " ")
}
