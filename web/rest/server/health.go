package server

import (
	"time"

	"github.com/dingdag/dingdag/api/health"
)

// HealthInfoResponse is how things are. There is no triggerer, which is said by null, and by unhealthy when the store cannot
// be read; and no separate DAG processor, whose key is left out.
type HealthInfoResponse struct {
	Metadatabase struct {
		Status *string `json:"status" enum:"healthy,unhealthy"`
	} `json:"metadatabase"`
	Scheduler struct {
		Status    *string `json:"status" enum:"healthy,unhealthy"`
		Heartbeat *string `json:"latest_scheduler_heartbeat"`
	} `json:"scheduler"`
	Triggerer struct {
		Status    *string `json:"status" enum:"healthy,unhealthy"`
		Heartbeat *string `json:"latest_triggerer_heartbeat"`
	} `json:"triggerer"`
}

// Health is that of what was found.
func Health(h *health.Health) *HealthInfoResponse {
	var out HealthInfoResponse
	out.Metadatabase.Status = new(string(h.Store.Status))
	out.Scheduler.Status = new(string(h.Scheduler.Status))
	if h.Scheduler.LatestHeartbeat != nil {
		out.Scheduler.Heartbeat = new(isoformat(*h.Scheduler.LatestHeartbeat))
	}
	if h.Store.Status != health.Healthy {
		out.Scheduler.Status, out.Scheduler.Heartbeat = new(string(health.Unhealthy)), nil
		out.Triggerer.Status = new(string(health.Unhealthy))
	}
	return &out
}

// isoformat is a moment as Python's datetime.isoformat writes it, in UTC: with microseconds unless these are zero, and with
// +00:00.
func isoformat(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05-07:00")
	}
	return t.Format("2006-01-02T15:04:05.000000-07:00")
}
