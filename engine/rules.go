package engine

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

// verdict is what a trigger rule says.
type verdict int

const (
	doWait verdict = iota
	doRun
	doSkip
	doUpstreamFail
)

// evaluate applies a trigger rule to the states of total direct upstream tasks.
// The rows and their order are Airflow's (trigger_rule_dep.py): the first match
// wins, and a rule that cannot be met any more says so at once where Airflow does.
func evaluate(rule dag.TriggerRule, c counts, total int32) verdict {
	total -= c.removed
	if total <= 0 || rule == dag.Always {
		return doRun
	}
	var (
		s, f, k, u = c.success, c.failed, c.skipped, c.upstreamFailed
		allDone    = s+f+k+u >= total
	)
	switch rule {
	case dag.AllFailed:
		return first(when{s+k > 0, doSkip}, when{allDone, doRun})
	case dag.AllDone, dag.AllDoneSetupSuccess:
		return first(when{allDone, doRun})
	case dag.OneSuccess:
		return first(when{s > 0, doRun}, when{allDone && k == total, doSkip}, when{allDone, doUpstreamFail})
	case dag.OneFailed:
		return first(when{f+u > 0, doRun}, when{allDone, doSkip})
	case dag.OneDone:
		return first(when{s+f > 0, doRun}, when{allDone, doSkip})
	case dag.NoneFailed:
		return first(when{f+u > 0, doUpstreamFail}, when{allDone, doRun})
	case dag.NoneFailedMinOneSuccess:
		return first(when{f+u > 0, doUpstreamFail}, when{k == total, doSkip}, when{allDone, doRun})
	case dag.NoneSkipped:
		return first(when{k > 0, doSkip}, when{allDone, doRun})
	case dag.AllSkipped:
		return first(when{s+f+u > 0, doSkip}, when{allDone, doRun})
	case dag.AllDoneMinOneSuccess:
		return first(when{k > 0, doSkip}, when{allDone && s > 0, doRun}, when{allDone, doUpstreamFail})
	default: // all_success
		return first(when{f+u > 0, doUpstreamFail}, when{k > 0, doSkip}, when{allDone, doRun})
	}
}

// when is one line of a rule: the verdict v holds if the condition does.
type when struct {
	holds bool
	v     verdict
}

// first returns the verdict of the first line that holds, else doWait.
func first(lines ...when) verdict {
	for _, l := range lines {
		if l.holds {
			return l.v
		}
	}
	return doWait
}
