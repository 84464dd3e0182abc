package pages

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/api/notes"
)

// noteData is what somebody has noted about a run or a task instance, with the form to note something.
type noteData struct {
	// Note is nil for none.
	Note *notes.Note
	// To is where the form goes; empty for those who may not note anything.
	To string
	// TaskID is empty for the run itself.
	TaskID   string
	MapIndex int
}

// note is that of a run, or of a task instance of it.
func (v *view) note(h *dagHead, runID, taskID string, mapIndex int) (*noteData, error) {
	n, err := v.p.o.Notes(v.ctx()).Get(v.ctx(), h.ID, runID, taskID, mapIndex)
	if err != nil {
		return nil, err
	}
	d := &noteData{Note: n, TaskID: taskID, MapIndex: mapIndex}
	if h.Operates {
		d.To = v.Link("dags", h.ID, "runs", runID, "note")
	}
	return d, nil
}

// setNote notes what the form says about the run of the path, or about the task instance that the form names.
func setNote(v *view) error {
	h, runID, err := v.altering()
	if err != nil {
		return err
	}
	form := v.r.PostForm
	taskID, mapIndex := form.Get("task_id"), -1
	to := v.Link("dags", h.ID, "runs", runID)
	if taskID != "" {
		if text := form.Get("map_index"); text != "" {
			if mapIndex, err = strconv.Atoi(text); err != nil || mapIndex < -1 {
				return &refusedError{http.StatusUnprocessableEntity, "error.number", nil}
			}
		}
		if _, err := v.overview.Task(v.ctx(), h.ID, runID, taskID, mapIndex, 1, 0); err != nil {
			return err
		}
		to = v.TaskLink(h.ID, runID, taskID, mapIndex)
	}
	text := strings.TrimSpace(strings.ReplaceAll(form.Get("note"), "\r\n", "\n"))
	if err := v.p.o.Notes(v.ctx()).Set(v.ctx(), h.ID, runID, taskID, mapIndex, text); err != nil {
		return err
	}
	return v.Go(to)
}
