package worker

import (
	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/operator"
)

// skipsOf reads a result that chooses: the tasks that it skips, and what is stored as XCom.
func skipsOf(g *dagrun.Graph, t dagrun.Task, v any) (skips []dagrun.Task, stored any, err error) {
	switch v := v.(type) {
	case operator.Branch:
		if skips, err = g.Branch(t, v.TaskIDs); err != nil {
			err = operator.Fail(err)
		}
		switch {
		case len(v.TaskIDs) == 0 && !v.AsList:
			return skips, nil, err
		case len(v.TaskIDs) == 1 && !v.AsList:
			return skips, v.TaskIDs[0], err
		}
		return skips, v.TaskIDs, err
	case operator.SkipDownstream:
		return g.ShortCircuit(t, v.DirectOnly), v.Value, nil
	default:
		return nil, v, nil
	}
}
