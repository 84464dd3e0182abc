package dag

// State is the state of a task instance. The zero value is Airflow's "none".
type State string

// The task instance states, in Airflow's words.
const (
	None            State = ""
	Scheduled       State = "scheduled"
	Queued          State = "queued"
	Running         State = "running"
	Success         State = "success"
	Failed          State = "failed"
	Skipped         State = "skipped"
	UpstreamFailed  State = "upstream_failed"
	UpForRetry      State = "up_for_retry"
	UpForReschedule State = "up_for_reschedule"
	Deferred        State = "deferred"
	Restarting      State = "restarting"
	Removed         State = "removed"
)

// Finished reports whether the state is terminal (Airflow, "Task instance states").
func (s State) Finished() bool {
	switch s {
	case Success, Failed, Skipped, UpstreamFailed, Removed:
		return true
	default: // work on the task goes on, or has yet to begin
		return false
	}
}

// String returns the word, "none" for the zero value.
func (s State) String() string {
	if s == None {
		return "none"
	}
	return string(s)
}

// RunState is the state of a DAG run.
type RunState string

// The run states, in Airflow's words.
const (
	RunQueued  RunState = "queued"
	RunRunning RunState = "running"
	RunSuccess RunState = "success"
	RunFailed  RunState = "failed"
)

// Finished reports whether the run has ended.
func (s RunState) Finished() bool { return s == RunSuccess || s == RunFailed }

// RunType says what created a run.
type RunType string

// The run types, in Airflow's words.
const (
	ScheduledRun RunType = "scheduled"
	ManualRun    RunType = "manual"
	BackfillRun  RunType = "backfill"
	AssetRun     RunType = "asset_triggered"
)

// TriggerRule says when a task runs, given the states of its direct upstream tasks.
type TriggerRule string

// The trigger rules (Airflow, "Trigger Rules").
const (
	AllSuccess              TriggerRule = "all_success"
	AllFailed               TriggerRule = "all_failed"
	AllDone                 TriggerRule = "all_done"
	OneSuccess              TriggerRule = "one_success"
	OneFailed               TriggerRule = "one_failed"
	OneDone                 TriggerRule = "one_done"
	NoneFailed              TriggerRule = "none_failed"
	NoneFailedMinOneSuccess TriggerRule = "none_failed_min_one_success"
	NoneSkipped             TriggerRule = "none_skipped"
	AllSkipped              TriggerRule = "all_skipped"
	Always                  TriggerRule = "always"
	AllDoneSetupSuccess     TriggerRule = "all_done_setup_success"
	AllDoneMinOneSuccess    TriggerRule = "all_done_min_one_success"
)
