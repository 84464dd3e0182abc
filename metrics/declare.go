package metrics

import (
	"reflect"
	"slices"
)

// Type is what a metric is to Prometheus.
type Type string

// The types.
const (
	Counter   Type = "counter"
	Gauge     Type = "gauge"
	Summary   Type = "summary"
	Histogram Type = "histogram"
)

// Metric is the declaration of a metric.
type Metric struct {
	Name string
	Type Type
	Help string
	// Labels are all that it has when none is dropped, in the order in which they are given values.
	Labels []string
	// Fixed is a label with a value that is always the same.
	Fixed map[string]string
	// Airflow is the name that Airflow sends to StatsD, empty for one of ours.
	Airflow string
	// buckets are those of a histogram.
	buckets []float64
}

// The labels of DAGs and tasks, of which there may be many.
const (
	dagLabel  = "dag_id"
	taskLabel = "task_id"
)

// All are all metrics, but for those of the process (process_*) and of Go (go_*).
func All() []Metric {
	v := reflect.ValueOf(declared())
	all := make([]Metric, v.NumField())
	for i := range all {
		all[i], _ = reflect.TypeAssert[Metric](v.Field(i))
	}
	return all
}

// declarations are the metrics, each in the one place that says what it is.
type declarations struct {
	// Of Airflow, by its names.
	SchedulerHeartbeat, TIStart, TIFinish, TISuccesses, TIFailures, OperatorSuccesses, OperatorFailures, AssetRuns Metric
	DagbagSize, ImportErrors, ParseTime, RunsRunning, RunsQueued, TasksStarving                                    Metric
	ExecutorOpen, ExecutorQueued, ExecutorRunning                                                                  Metric
	PoolOpen, PoolQueued, PoolRunning, PoolDeferred, PoolScheduled, PoolStarving                                   Metric
	TaskDuration, TaskQueued, RunDuration, RunFailed, RunSuccessAll, RunFailedAll, ScheduleDelay                   Metric

	// Ours.
	Build, StoreHealthy, SchedulerHealthy, Leads, Nodes, NodeClock, LogsWaiting, LogsOldest, Unserved, UnservedOldest, LastBeat, LastPass, LastRound, Passes, Rounds Metric
	CreateDelay, StartDelay, Runs, RunsEnded, RunSeconds                                                                                                             Metric
	Tasks, TriesEnded, TrySeconds, QueueSeconds, Workers, PoolSlots, DAGsPaused                                                                                      Metric
	OutboxWaiting, OutboxOldest, OutboxOverdue, Undelivered, Deliveries, DeliverySeconds                                                                             Metric
	RobotClosed, RobotGone, RobotSent, RobotQuota, Connected                                                                                                         Metric
	StoreSeconds, Commits, StoreBytes, LogBytes, Streams, SignInFailures                                                                                             Metric
	Requests, RequestSeconds                                                                                                                                         Metric
}

func declared() declarations {
	dags, tasks, pool, robot, state := []string{dagLabel}, []string{dagLabel, taskLabel}, []string{"pool"}, []string{"robot"}, []string{"state"}
	delays := []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600}
	lengths := []float64{.1, .5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 86400}
	quick := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 10}
	return declarations{
		SchedulerHeartbeat: Metric{Name: "airflow_scheduler_heartbeat", Type: Counter, Airflow: "scheduler_heartbeat", Fixed: map[string]string{"type": "counter"}, Help: "Renewals of the lease in the store."},
		TIStart:            Metric{Name: "airflow_ti_start", Type: Counter, Airflow: "ti.start", Labels: tasks, Help: "Tries that have begun; each look of a sensor that is rescheduled counts."},
		TIFinish:           Metric{Name: "airflow_ti_finish", Type: Counter, Airflow: "ti.finish", Labels: slices.Concat(tasks, state), Help: "Task instances and tries that have ended, by the state that they got."},
		TISuccesses:        Metric{Name: "airflow_ti_successes", Type: Counter, Airflow: "ti_successes", Labels: tasks, Help: "Task instances that have succeeded."},
		TIFailures:         Metric{Name: "airflow_ti_failures", Type: Counter, Airflow: "ti_failures", Labels: tasks, Help: "Task instances that have failed, not counting tries that another one follows."},
		OperatorSuccesses:  Metric{Name: "airflow_operator_successes", Type: Counter, Airflow: "operator_successes_<operator>", Labels: []string{"operator"}, Help: "Task instances that have succeeded, by the operator's class in Airflow, such as BashOperator."},
		OperatorFailures:   Metric{Name: "airflow_operator_failures", Type: Counter, Airflow: "operator_failures_<operator>", Labels: []string{"operator"}, Help: "Task instances that have failed, by the operator's class in Airflow."},
		AssetRuns:          Metric{Name: "airflow_asset_triggered_dagruns", Type: Counter, Airflow: "asset.triggered_dagruns", Help: "Runs that updates of assets have created."},
		DagbagSize:         Metric{Name: "airflow_dagbag_size", Type: Gauge, Airflow: "dagbag_size", Help: "DAGs that are loaded."},
		ImportErrors:       Metric{Name: "airflow_dag_processing_import_errors", Type: Gauge, Airflow: "dag_processing.import_errors", Help: "DAG files, and DAGs of them, that cannot be loaded."},
		ParseTime:          Metric{Name: "airflow_dag_processing_total_parse_time", Type: Gauge, Airflow: "dag_processing.total_parse_time", Help: "Seconds that the last load of all DAG files took."},
		RunsRunning:        Metric{Name: "airflow_scheduler_dagruns_running", Type: Gauge, Airflow: "scheduler.dagruns.running", Help: "Runs that are running."},
		RunsQueued:         Metric{Name: "airflow_scheduler_dagruns_queued", Type: Gauge, Airflow: "scheduler.dagruns.queued", Help: "Runs that are queued."},
		TasksStarving:      Metric{Name: "airflow_scheduler_tasks_starving", Type: Gauge, Airflow: "scheduler.tasks.starving", Help: "Task instances that wait because their pool has too few open slots."},
		ExecutorOpen:       Metric{Name: "airflow_executor_open_slots", Type: Gauge, Airflow: "executor.open_slots", Help: "Workers that are free."},
		ExecutorQueued:     Metric{Name: "airflow_executor_queued_tasks", Type: Gauge, Airflow: "executor.queued_tasks", Help: "Task instances that wait for a worker."},
		ExecutorRunning:    Metric{Name: "airflow_executor_running_tasks", Type: Gauge, Airflow: "executor.running_tasks", Help: "Task instances that are running."},
		PoolOpen:           Metric{Name: "airflow_pool_open_slots", Type: Gauge, Airflow: "pool.open_slots.<pool>", Labels: pool, Help: "Slots of the pool that are free; -1 where it has no bound."},
		PoolQueued:         Metric{Name: "airflow_pool_queued_slots", Type: Gauge, Airflow: "pool.queued_slots.<pool>", Labels: pool, Help: "Slots that queued task instances take."},
		PoolRunning:        Metric{Name: "airflow_pool_running_slots", Type: Gauge, Airflow: "pool.running_slots.<pool>", Labels: pool, Help: "Slots that running task instances take."},
		PoolDeferred:       Metric{Name: "airflow_pool_deferred_slots", Type: Gauge, Airflow: "pool.deferred_slots.<pool>", Labels: pool, Help: "Slots of deferred task instances, whether or not the pool counts them."},
		PoolScheduled:      Metric{Name: "airflow_pool_scheduled_slots", Type: Gauge, Airflow: "pool.scheduled_slots.<pool>", Labels: pool, Help: "Slots that task instances want which are ready and wait."},
		PoolStarving:       Metric{Name: "airflow_pool_starving_tasks", Type: Gauge, Airflow: "pool.starving_tasks.<pool>", Labels: pool, Help: "Task instances that wait because the pool has too few open slots."},
		TaskDuration:       Metric{Name: "airflow_task_duration", Type: Summary, Airflow: "dag.<dag_id>.<task_id>.duration", Labels: tasks, Help: "Seconds that tries took."},
		TaskQueued:         Metric{Name: "airflow_task_queued_duration", Type: Summary, Airflow: "task.queued_duration", Labels: tasks, Help: "Seconds between queued and running."},
		RunDuration:        Metric{Name: "airflow_dagrun_duration", Type: Summary, Airflow: "dagrun.duration.success.<dag_id>", Labels: dags, Help: "Seconds that runs took which succeeded."},
		RunFailed:          Metric{Name: "airflow_dagrun_failed", Type: Summary, Airflow: "dagrun.duration.failed.<dag_id>", Labels: dags, Help: "Seconds that runs took which failed."},
		RunSuccessAll:      Metric{Name: "airflow_dagrun_duration_success", Type: Summary, Airflow: "dagrun.duration.success", Help: "Seconds that runs of all DAGs took which succeeded."},
		RunFailedAll:       Metric{Name: "airflow_dagrun_duration_failed", Type: Summary, Airflow: "dagrun.duration.failed", Help: "Seconds that runs of all DAGs took which failed."},
		ScheduleDelay:      Metric{Name: "airflow_dagrun_schedule_delay", Type: Summary, Airflow: "dagrun.schedule_delay.<dag_id>", Labels: dags, Help: "Seconds from when scheduled runs were due until they started."},

		Build:            Metric{Name: "dingdag_build_info", Type: Gauge, Labels: []string{"version", "goversion"}, Help: "1, with the versions of the program and of Go."},
		StoreHealthy:     Metric{Name: "dingdag_store_healthy", Type: Gauge, Help: "1 while the store can be read and is where it was opened, else 0."},
		SchedulerHealthy: Metric{Name: "dingdag_scheduler_healthy", Type: Gauge, Help: "1 while the scheduler works, else 0, as /health says it."},
		Leads:            Metric{Name: "dingdag_leads", Type: Gauge, Help: "1 while this process leads, as one that works alone always does, else 0."},
		NodeClock:        Metric{Name: "dingdag_node_clock_ahead_seconds", Type: Gauge, Labels: []string{"node"}, Help: "By how much the clock of a node is ahead of that of the database; 0 while they differ by at most five seconds."},
		LogsWaiting:      Metric{Name: "dingdag_logs_waiting", Type: Gauge, Labels: []string{"node"}, Help: "Task logs of a node that are not in the log store yet although they could be."},
		LogsOldest:       Metric{Name: "dingdag_logs_waiting_oldest_seconds", Type: Gauge, Labels: []string{"node"}, Help: "How long the first of the task logs of a node has waited for the log store."},
		Unserved:         Metric{Name: "dingdag_queue_unserved_tasks", Type: Gauge, Labels: []string{"queue"}, Help: "Tasks that wait in a queue which no live node serves."},
		UnservedOldest:   Metric{Name: "dingdag_queue_unserved_oldest_seconds", Type: Gauge, Labels: []string{"queue"}, Help: "How long the oldest task in a queue which no live node serves has waited."},
		Nodes:            Metric{Name: "dingdag_nodes", Type: Gauge, Labels: state, Help: "Processes that share the store and are alive, by state: working, draining or stopping."},
		LastBeat:         Metric{Name: "dingdag_scheduler_last_beat_timestamp_seconds", Type: Gauge, Help: "When the scheduler last renewed its lease and took in what others wrote."},
		LastPass:         Metric{Name: "dingdag_scheduler_last_pass_timestamp_seconds", Type: Gauge, Help: "When the scheduler last looked at all DAGs."},
		LastRound:        Metric{Name: "dingdag_outbox_last_round_timestamp_seconds", Type: Gauge, Help: "When the outbox last looked for messages to send."},
		Passes:           Metric{Name: "dingdag_scheduler_passes_total", Type: Counter, Help: "Looks at all DAGs."},
		Rounds:           Metric{Name: "dingdag_outbox_rounds_total", Type: Counter, Help: "Looks of the outbox for messages to send."},
		CreateDelay:      Metric{Name: "dingdag_run_create_delay_seconds", Type: Histogram, buckets: delays, Help: "From when scheduled runs were due until they were created; runs that catch up count too."},
		StartDelay:       Metric{Name: "dingdag_run_start_delay_seconds", Type: Histogram, buckets: delays, Help: "From when scheduled runs were due until they started."},
		Runs:             Metric{Name: "dingdag_runs", Type: Gauge, Labels: state, Help: "Runs that are queued and running."},
		RunsEnded:        Metric{Name: "dingdag_runs_ended_total", Type: Counter, Labels: state, Help: "Runs that have ended, by state."},
		RunSeconds:       Metric{Name: "dingdag_run_duration_seconds", Type: Histogram, Labels: state, buckets: lengths, Help: "How long runs took, by state."},
		Tasks:            Metric{Name: "dingdag_task_instances", Type: Gauge, Labels: state, Help: "Task instances of running runs that have begun and not ended, by state."},
		TriesEnded:       Metric{Name: "dingdag_tries_ended_total", Type: Counter, Labels: state, Help: "Task instances and tries that have ended, by the state that they got."},
		TrySeconds:       Metric{Name: "dingdag_try_duration_seconds", Type: Histogram, Labels: state, buckets: lengths, Help: "How long tries took, by the state that they got."},
		QueueSeconds:     Metric{Name: "dingdag_task_queue_seconds", Type: Histogram, buckets: delays, Help: "From queued until running."},
		Workers:          Metric{Name: "dingdag_workers", Type: Gauge, Help: "How many tasks may run at once, on all machines together."},
		PoolSlots:        Metric{Name: "dingdag_pool_slots", Type: Gauge, Labels: pool, Help: "Slots that the pool has; -1 is no bound."},
		DAGsPaused:       Metric{Name: "dingdag_dags_paused", Type: Gauge, Help: "DAGs that are paused."},
		OutboxWaiting:    Metric{Name: "dingdag_outbox_waiting_messages", Type: Gauge, Help: "Messages that wait or are being sent."},
		OutboxOldest:     Metric{Name: "dingdag_outbox_oldest_age_seconds", Type: Gauge, Help: "Age of the oldest message that waits; 0 when none does."},
		OutboxOverdue:    Metric{Name: "dingdag_outbox_overdue_messages", Type: Gauge, Help: "Messages that have waited for more than ten minutes."},
		Undelivered:      Metric{Name: "dingdag_outbox_undelivered_messages", Type: Gauge, Labels: state, Help: "Messages of the last day that were refused, or may not have arrived (uncertain), and that nobody was told of in another way or has acknowledged."},
		Deliveries:       Metric{Name: "dingdag_deliveries_total", Type: Counter, Labels: []string{"sender", "robot", "outcome"}, Help: "Attempts to deliver messages, and messages that need none, by notifier, connection and outcome: delivered, retry, refused, uncertain, folded into another message or silenced."},
		DeliverySeconds:  Metric{Name: "dingdag_delivery_seconds", Type: Histogram, buckets: delays, Help: "From the event until its message was delivered."},
		RobotClosed:      Metric{Name: "dingdag_robot_closed", Type: Gauge, Labels: robot, Help: "1 while the robot takes no messages because it was sent too many, else 0."},
		RobotGone:        Metric{Name: "dingdag_robot_gone", Type: Gauge, Labels: robot, Help: "1 when the robot last answered that it does not exist or takes nothing any more, else 0."},
		RobotSent:        Metric{Name: "dingdag_robot_month_messages", Type: Gauge, Labels: robot, Help: "Messages to the robot in this month of China."},
		RobotQuota:       Metric{Name: "dingdag_robot_quota_messages", Type: Gauge, Labels: robot, Help: "How many messages the robot may get in a month; 0 is no limit."},
		Connected:        Metric{Name: "dingdag_application_connected", Type: Gauge, Labels: []string{"application"}, Help: "1 while the application receives from DingTalk in stream mode, else 0."},
		StoreSeconds:     Metric{Name: "dingdag_store_seconds", Type: Histogram, Labels: []string{"kind"}, buckets: quick, Help: "Time of the store: read is a query, wait what a transaction waits for its turn, write its work, commit until it is on the disk."},
		Commits:          Metric{Name: "dingdag_store_transactions_total", Type: Counter, Help: "Transactions of the database that this process has begun; changes that come at the same time share one."},
		StoreBytes:       Metric{Name: "dingdag_store_size_bytes", Type: Gauge, Help: "Size of the store's file."},
		LogBytes:         Metric{Name: "dingdag_task_log_bytes_total", Type: Counter, Help: "Bytes written to task logs."},
		Streams:          Metric{Name: "dingdag_event_streams", Type: Gauge, Help: "Pages that are open and follow changes."},
		SignInFailures:   Metric{Name: "dingdag_sign_in_failures_total", Type: Counter, Labels: []string{"reason"}, Help: "Requests whose password or token was wrong, or that came after too many wrong passwords (limited)."},
		Requests:         Metric{Name: "dingdag_http_requests_total", Type: Counter, Labels: []string{"route", "method", "code"}, Help: "Requests over HTTP, by the template of their path."},
		RequestSeconds:   Metric{Name: "dingdag_http_request_duration_seconds", Type: Histogram, Labels: []string{"route"}, buckets: quick, Help: "How long requests took, without streams of events."},
	}
}
