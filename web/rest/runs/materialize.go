package runs

import (
	"context"
	"strings"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/object"
)

// MaterializeAssetBody says what the run of the DAG that makes an asset is like.
type MaterializeAssetBody struct {
	DagRunID          *string     `json:"dag_run_id"`
	DataIntervalStart *rest.Time  `json:"data_interval_start" zone:"true"`
	DataIntervalEnd   *rest.Time  `json:"data_interval_end" zone:"true"`
	LogicalDate       *rest.Time  `json:"logical_date" zone:"true"`
	RunAfter          *rest.Time  `json:"run_after" zone:"true"`
	Conf              rest.Object `json:"conf" nullable:"true"`
	Note              *string     `json:"note" maxLength:"1000"`
	PartitionKey      *string     `json:"partition_key"`
}

// materialize triggers the only DAG that makes an asset.
func (c *calls) materialize(ctx context.Context, in *struct {
	ID   int64 `path:"asset_id"`
	Body *MaterializeAssetBody
},
) (*object.DAGRun, error) {
	a, err := c.browse.Asset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	by := a.MadeBy()
	switch len(by) {
	case 0:
		return nil, rest.NotFound("No DAG materializes asset with ID: %d", in.ID)
	case 1:
	default:
		seen := by[:0]
		for _, id := range by {
			if c.browse.Allow(ctx, access.Read, id) == nil {
				seen = append(seen, id)
			}
		}
		return nil, rest.Conflict("More than one DAG materializes asset with ID: %d: %s; trigger the one that you mean", in.ID, strings.Join(seen, ", "))
	}
	if err := c.browse.AllowUnseen(ctx, access.Operate, by[0]); err != nil {
		return nil, err
	}
	t := triggerInput{DAGID: by[0]}
	if b := in.Body; b != nil {
		t.Body = TriggerBody{
			LogicalDate: b.LogicalDate, DagRunID: b.DagRunID, Conf: b.Conf, Note: b.Note, RunAfter: b.RunAfter, DataIntervalStart: b.DataIntervalStart,
			DataIntervalEnd: b.DataIntervalEnd, PartitionKey: b.PartitionKey,
		}
	}
	return c.trigger(ctx, &t)
}
