package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag/dagfile"
)

func TestCheckSaysWhatWouldBeIgnored(t *testing.T) {
	t.Parallel()
	known := small(t)
	for name, c := range map[string]struct{ text, want string }{
		"nothing":             {"  schedule: '@daily'\n  start_date: 2026-01-01\n  default_args: {depends_on_past: false, start_date: 2026-01-01, pool: default_pool}\n  tasks: [{task_id: t, operator: probe}]", ""},
		"past":                {"  tasks:\n    - {task_id: t, operator: probe, wait_for_past_depends_before_skipping: true}", `test.yaml:3:8: warning: dag "d", task "t": wait_for_past_depends_before_skipping has no effect without depends_on_past`},
		"past with it":        {"  tasks:\n    - {task_id: t, operator: probe, wait_for_past_depends_before_skipping: true, depends_on_past: true}", ""},
		"window":              {"  tasks:\n    - {task_id: t, operator: probe, start_date: 2026-01-02, end_date: 2026-01-03}", ""},
		"wrong window":        {"  tasks:\n    - {task_id: t, operator: probe, start_date: 2026-01-02, end_date: 2026-01-01}", `test.yaml:3:8: warning: dag "d", task "t": end_date is before start_date: the task is in no run`},
		"mapped over nothing": {"  tasks:\n    - {task_id: e, operator: nop}\n    - {task_id: t, operator: probe, expand: {text: e.output}}", `test.yaml:4:8: error: dag "d", task "t": it is mapped over the result of task "e", and operator nop has none`},
		"zero interval":       {"  schedule: '@daily'\n  tasks:\n    - {task_id: t, operator: probe, text: '{{ data_interval_start }}'}", `test.yaml:4:8: warning: dag "d", task "t": the data interval has no length`},
		"by assets":           {"  schedule: [s3://x]\n  tasks:\n    - {task_id: t, operator: probe, text: '{{ data_interval_start }}'}", `test.yaml:4:8: warning: dag "d", task "t": a run that assets trigger has no data interval`},
		"interval mode":       {"  schedule: {cron: '@daily', mode: interval}\n  tasks:\n    - {task_id: t, operator: probe, text: '{{ data_interval_start }}'}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ds, diags := dagfile.Parse("test.yaml", []byte("d:\n"+c.text+"\n"), known, dagfile.Options{})
			require.False(t, diags.HasErrors(), diags.String())
			got := known.Check(ds[0])
			if c.want == "" {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			assert.Contains(t, got[0].String(), c.want)
		})
	}
}
