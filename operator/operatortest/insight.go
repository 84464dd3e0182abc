package operatortest

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/template"
)

// insight is what templates of a [Task] see. Its files are those of the folder.
type insight struct{ task *Task }

var _ operator.Insight = insight{}

func (i insight) Values() map[string]any {
	t := i.task
	c := &template.Context{
		DAG: template.DAGInfo{DAGID: t.DAGID}, Task: template.TaskInfo{TaskID: t.TaskID},
		TI: template.TaskInstanceInfo{
			DAGID: t.DAGID, RunID: t.RunID, TaskID: t.TaskID, MapIndex: t.MapIndex, TryNumber: t.TryNumber, MaxTries: t.MaxTries, StartDate: &t.StartDate,
		},
		Run: template.RunInfo{RunID: t.RunID, RunAfter: &t.RunAfter}, Params: t.Params,
	}
	if !t.LogicalDate.IsZero() {
		c.Run.LogicalDate, c.DataIntervalStart, c.DataIntervalEnd = &t.LogicalDate, &t.DataIntervalStart, &t.DataIntervalEnd
	}
	if t.Conf != nil {
		c.Run.Conf = t.Conf
	}
	return c.Values()
}

func (insight) Previous() (map[string]any, error) { return (&template.Context{}).PreviousValues() }

func (insight) Events() ([]map[string]any, error) { return nil, nil }

func (i insight) XComs(q operator.XComQuery) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(q.TaskIDs))
	for n, id := range q.TaskIDs {
		var err error
		if out[n], err = i.task.XCom.Pull(context.Background(), id, q.Key); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (i insight) File(name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fs.ErrNotExist
	}
	b, err := os.ReadFile(filepath.Join(i.task.DAGFolder, name)) //nolint:gosec // below the folder of the test
	return string(b), err
}
