package sensor

import (
	"context"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/internal/moment"
	"github.com/dingdag/dingdag/params"
)

// ExternalTaskMarker does nothing. It records that a task of another DAG waits for this
// point with an external_task sensor.
type ExternalTaskMarker struct {
	// DAGID is the DAG that waits.
	DAGID string `yaml:"external_dag_id" param:"required,template"`
	// TaskID is the task that waits.
	TaskID string `yaml:"external_task_id" param:"required,template"`
	// LogicalDate is the logical date of the waiting run, by default that of this run.
	LogicalDate any `yaml:"logical_date" param:"template"`
	// RecursionDepth limits how many markers are followed in a chain.
	RecursionDepth int `yaml:"recursion_depth" param:"default=10,min=1"`
}

var (
	_ operator.Operator = (*ExternalTaskMarker)(nil)
	_ operator.NoOp     = (*ExternalTaskMarker)(nil)
)

func externalTaskMarkerSpec(docs operator.Option) operator.Spec {
	return operator.Define[ExternalTaskMarker]("external_task_marker", docs,
		operator.Alias(
			"airflow.sensors.external_task.ExternalTaskMarker",
			"airflow.sensors.external_task_sensor.ExternalTaskMarker",
			"airflow.providers.standard.sensors.external_task.ExternalTaskMarker",
		),
		operator.Example("Say who waits for this DAG", `
external_dag_id: send_report
external_task_id: wait_for_orders
`),
	)
}

// Validate reads a date that is no template.
func (m *ExternalTaskMarker) Validate() error {
	return params.At("logical_date", moment.Check(m.LogicalDate))
}

// Execute succeeds at once, without a result.
func (*ExternalTaskMarker) Execute(context.Context, *operator.TaskContext) (any, error) {
	return nil, nil
}

// NoOp lets the engine skip the worker.
func (*ExternalTaskMarker) NoOp() {}
