package engine

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
)

// TestEvaluate walks the table of Airflow's trigger rules: for each rule what three
// upstream tasks in the given states lead to. S success, F failed, K skipped,
// U upstream_failed, R removed, "-" unfinished.
func TestEvaluate(t *testing.T) {
	t.Parallel()
	for rule, cases := range map[dag.TriggerRule]map[string]verdict{
		dag.AllSuccess: {
			"SSS": doRun, "SS-": doWait, "---": doWait, "SK-": doSkip, "KKK": doSkip, "SF-": doUpstreamFail, "U--": doUpstreamFail, "FK-": doUpstreamFail, "SSR": doRun, "RRR": doRun,
		},
		dag.AllFailed: {
			"FFF": doRun, "FUF": doRun, "FF-": doWait, "S--": doSkip, "K--": doSkip, "FFS": doSkip,
		},
		dag.AllDone: {
			"SFK": doRun, "UUU": doRun, "SF-": doWait,
		},
		dag.AllDoneSetupSuccess: {
			"SFK": doRun, "SF-": doWait,
		},
		dag.OneSuccess: {
			"S--": doRun, "FS-": doRun, "KKK": doSkip, "KK-": doWait, "FKK": doUpstreamFail, "FFF": doUpstreamFail, "FF-": doWait, "UUU": doUpstreamFail,
		},
		dag.OneFailed: {
			"F--": doRun, "U--": doRun, "SSS": doSkip, "SK-": doWait, "KKK": doSkip, "SSF": doRun,
		},
		dag.OneDone: {
			"S--": doRun, "F--": doRun, "K--": doWait, "U--": doWait, "KKK": doSkip, "UUU": doSkip, "KUS": doRun,
		},
		dag.NoneFailed: {
			"SSS": doRun, "SKK": doRun, "KKK": doRun, "SS-": doWait, "F--": doUpstreamFail, "KU-": doUpstreamFail,
		},
		dag.NoneFailedMinOneSuccess: {
			"SSS": doRun, "SKK": doRun, "KKK": doSkip, "KK-": doWait, "S--": doWait, "F--": doUpstreamFail, "KKU": doUpstreamFail,
		},
		dag.NoneSkipped: {
			"SFU": doRun, "SF-": doWait, "K--": doSkip, "SFK": doSkip,
		},
		dag.AllSkipped: {
			"KKK": doRun, "KK-": doWait, "S--": doSkip, "F--": doSkip, "U--": doSkip, "KKS": doSkip,
		},
		dag.Always: {
			"---": doRun, "FFF": doRun, "SKU": doRun,
		},
		dag.AllDoneMinOneSuccess: {
			"SFU": doRun, "SSS": doRun, "S--": doWait, "K--": doSkip, "SFK": doSkip, "FFU": doUpstreamFail,
		},
	} {
		for upstream, want := range cases {
			t.Run(string(rule)+"/"+upstream, func(t *testing.T) {
				t.Parallel()
				var c counts
				for _, s := range upstream {
					c.add(map[rune]dag.State{'S': dag.Success, 'F': dag.Failed, 'K': dag.Skipped, 'U': dag.UpstreamFailed, 'R': dag.Removed, '-': dag.Running}[s], 1)
				}
				assert.Equal(t, want, evaluate(rule, c, int32(len(upstream))))
			})
		}
	}
}

func TestEvaluateWithoutUpstreamRuns(t *testing.T) {
	t.Parallel()
	for _, rule := range allRules {
		assert.Equal(t, doRun, evaluate(rule, counts{}, 0), rule)
	}
}

var allRules = []dag.TriggerRule{
	dag.AllSuccess, dag.AllFailed, dag.AllDone, dag.OneSuccess, dag.OneFailed, dag.OneDone, dag.NoneFailed, dag.NoneFailedMinOneSuccess,
	dag.NoneSkipped, dag.AllSkipped, dag.Always, dag.AllDoneSetupSuccess, dag.AllDoneMinOneSuccess,
}
