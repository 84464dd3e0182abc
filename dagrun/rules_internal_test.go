package dagrun

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
	for rule, cases := range map[dag.TriggerRule]map[string]Verdict{
		dag.AllSuccess: {
			"SSS": Runs, "SS-": Waits, "---": Waits, "SK-": Skips, "KKK": Skips, "SF-": UpstreamFails, "U--": UpstreamFails, "FK-": UpstreamFails, "SSR": Runs, "RRR": Runs,
		},
		dag.AllFailed: {
			"FFF": Runs, "FUF": Runs, "FF-": Waits, "S--": Skips, "K--": Skips, "FFS": Skips,
		},
		dag.AllDone: {
			"SFK": Runs, "UUU": Runs, "SF-": Waits,
		},
		dag.AllDoneSetupSuccess: {
			"SFK": Runs, "SF-": Waits,
		},
		dag.OneSuccess: {
			"S--": Runs, "FS-": Runs, "KKK": Skips, "KK-": Waits, "FKK": UpstreamFails, "FFF": UpstreamFails, "FF-": Waits, "UUU": UpstreamFails,
		},
		dag.OneFailed: {
			"F--": Runs, "U--": Runs, "SSS": Skips, "SK-": Waits, "KKK": Skips, "SSF": Runs,
		},
		dag.OneDone: {
			"S--": Runs, "F--": Runs, "K--": Waits, "U--": Waits, "KKK": Skips, "UUU": Skips, "KUS": Runs,
		},
		dag.NoneFailed: {
			"SSS": Runs, "SKK": Runs, "KKK": Runs, "SS-": Waits, "F--": UpstreamFails, "KU-": UpstreamFails,
		},
		dag.NoneFailedMinOneSuccess: {
			"SSS": Runs, "SKK": Runs, "KKK": Skips, "KK-": Waits, "S--": Waits, "F--": UpstreamFails, "KKU": UpstreamFails,
		},
		dag.NoneSkipped: {
			"SFU": Runs, "SF-": Waits, "K--": Skips, "SFK": Skips,
		},
		dag.AllSkipped: {
			"KKK": Runs, "KK-": Waits, "S--": Skips, "F--": Skips, "U--": Skips, "KKS": Skips,
		},
		dag.Always: {
			"---": Runs, "FFF": Runs, "SKU": Runs,
		},
		dag.AllDoneMinOneSuccess: {
			"SFU": Runs, "SSS": Runs, "S--": Waits, "K--": Skips, "SFK": Skips, "FFU": UpstreamFails,
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
		assert.Equal(t, Runs, evaluate(rule, counts{}, 0), rule)
	}
}

var allRules = []dag.TriggerRule{
	dag.AllSuccess, dag.AllFailed, dag.AllDone, dag.OneSuccess, dag.OneFailed, dag.OneDone, dag.NoneFailed, dag.NoneFailedMinOneSuccess,
	dag.NoneSkipped, dag.AllSkipped, dag.Always, dag.AllDoneSetupSuccess, dag.AllDoneMinOneSuccess,
}
