package v1

import "github.com/dingdag/dingdag/web/rest/server"

// HealthInfo is how things are: that of version 2, with the separate DAG processor that there is not.
type HealthInfo struct {
	*server.HealthInfoResponse

	DagProcessor struct {
		Status    *string `json:"status"`
		Heartbeat *string `json:"latest_dag_processor_heartbeat"`
	} `json:"dag_processor"`
}
