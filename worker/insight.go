package worker

import (
	"context"
	"encoding/json"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/template"
)

// insight is what templates of a try see, for its operator.
type insight struct{ c *template.Context }

var _ operator.Insight = insight{}

func (y *Try) insight(ctx context.Context) insight {
	return insight{y.w.o.Render.Context(ctx, y.w.o.Store, y.plan.DAG, &y.run, y.task.Task, &y.in)}
}

func (i insight) Values() map[string]any            { return i.c.Values() }
func (i insight) Previous() (map[string]any, error) { return i.c.PreviousValues() }
func (i insight) Events() ([]map[string]any, error) { return i.c.EventValues() }
func (i insight) File(name string) (string, error)  { return i.c.Include(name) }

func (i insight) XComs(q operator.XComQuery) ([]json.RawMessage, error) {
	return i.c.XComPull(template.XComQuery(q))
}
