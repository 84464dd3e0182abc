package dagrun

import "github.com/dingdag/dingdag/dag"

// counts are the states of a task's direct upstream tasks.
type counts struct {
	success, failed, skipped, upstreamFailed, removed int32
}

// add counts a terminal state n times; other states do not count.
func (c *counts) add(s dag.State, n int32) {
	switch s {
	case dag.Success:
		c.success += n
	case dag.Failed:
		c.failed += n
	case dag.Skipped:
		c.skipped += n
	case dag.UpstreamFailed:
		c.upstreamFailed += n
	case dag.Removed:
		c.removed += n
	default: // not terminal
	}
}

// Verdict is what a trigger rule makes of a task.
type Verdict int

// The verdicts, in Airflow's words: the task waits, is ready to run, is skipped, or is
// upstream_failed.
const (
	Waits Verdict = iota
	Runs
	Skips
	UpstreamFails
)

// evaluate applies a trigger rule to the states of total direct upstream tasks.
// The rows and their order are Airflow's (trigger_rule_dep.py): the first match
// wins, and a rule that cannot be met any more says so at once where Airflow does.
func evaluate(rule dag.TriggerRule, c counts, total int32) Verdict {
	total -= c.removed
	if total <= 0 || rule == dag.Always {
		return Runs
	}
	var (
		s, f, k, u = c.success, c.failed, c.skipped, c.upstreamFailed
		allDone    = s+f+k+u >= total
	)
	switch rule {
	case dag.AllFailed:
		return first(when{s+k > 0, Skips}, when{allDone, Runs})
	case dag.AllDone, dag.AllDoneSetupSuccess:
		return first(when{allDone, Runs})
	case dag.OneSuccess:
		return first(when{s > 0, Runs}, when{allDone && k == total, Skips}, when{allDone, UpstreamFails})
	case dag.OneFailed:
		return first(when{f+u > 0, Runs}, when{allDone, Skips})
	case dag.OneDone:
		return first(when{s+f > 0, Runs}, when{allDone, Skips})
	case dag.NoneFailed:
		return first(when{f+u > 0, UpstreamFails}, when{allDone, Runs})
	case dag.NoneFailedMinOneSuccess:
		return first(when{f+u > 0, UpstreamFails}, when{k == total, Skips}, when{allDone, Runs})
	case dag.NoneSkipped:
		return first(when{k > 0, Skips}, when{allDone, Runs})
	case dag.AllSkipped:
		return first(when{s+f+u > 0, Skips}, when{allDone, Runs})
	case dag.AllDoneMinOneSuccess:
		return first(when{k > 0, Skips}, when{allDone && s > 0, Runs}, when{allDone, UpstreamFails})
	default: // all_success
		return first(when{f+u > 0, UpstreamFails}, when{k > 0, Skips}, when{allDone, Runs})
	}
}

// when is one line of a rule: the verdict v holds if the condition does.
type when struct {
	holds bool
	v     Verdict
}

// first returns the verdict of the first line that holds, else Waits.
func first(lines ...when) Verdict {
	for _, l := range lines {
		if l.holds {
			return l.v
		}
	}
	return Waits
}
