package callbacks

import "time"

// Names are what templates of callbacks see of the event beside the names of its DAG, run and
// task: for on_failure blocks and causes, for on_recovery broken_since, broken_for and failures.
// There are the same ones for every event of a kind.
func (ev *Event) Names() map[string]any {
	switch ev.Kind {
	case Failure, Missed: // of a pause those hear who hear of failures
		blocks, causes := make([]any, len(ev.Blocks)), make([]any, len(ev.Causes))
		for i, id := range ev.Blocks {
			blocks[i] = id
		}
		for i, c := range ev.Causes {
			causes[i] = map[string]any{"task_id": c.TaskID, "map_index": c.MapIndex, "error": c.Error}
		}
		return map[string]any{"blocks": blocks, "causes": causes}
	case Asked:
		a := ev.Ask
		if a == nil {
			a = &Ask{}
		}
		options := make([]any, len(a.Options))
		for i, o := range a.Options {
			options[i] = o
		}
		return map[string]any{"ask_id": a.ID, "subject": a.Subject, "body": a.Body, "options": options}
	case Recovery:
		var since time.Time
		var lasted time.Duration
		if ev.BrokenSince != nil && ev.EndDate != nil {
			since, lasted = *ev.BrokenSince, ev.EndDate.Sub(*ev.BrokenSince)
		}
		return map[string]any{"broken_since": since, "broken_for": lasted, "failures": ev.Failures}
	default:
		return nil
	}
}
