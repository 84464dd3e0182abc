package index

import (
	"encoding/json"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/timetable"
)

// shared are the timetables that many DAGs have.
type shared struct {
	zones map[string]*time.Location
	made  map[scheduleIn]timetable.Timetable
}

type scheduleIn struct {
	schedule dag.Schedule
	zone     string
}

func newShared() *shared {
	return &shared{zones: map[string]*time.Location{}, made: map[scheduleIn]timetable.Timetable{}}
}

// timetable makes that of a summary once more.
func (s *shared) timetable(schedule dag.Schedule, zone string) (timetable.Timetable, error) {
	key := scheduleIn{schedule, zone}
	if t := s.made[key]; t != nil {
		return t, nil
	}
	loc := s.zones[zone]
	if loc == nil {
		var err error
		if loc, err = time.LoadLocation(zone); err != nil {
			return nil, err
		}
		s.zones[zone] = loc
	}
	t, err := schedule.NewTimetable(loc)
	s.made[key] = t
	return t, err
}

// decode reads the summaries of a file from its record. One that cannot be read is missing,
// which the checksum of the file of the index makes impossible.
func (f *file) decode() {
	if f.dags != nil || f.body == "" {
		return
	}
	f.dags = map[string]*dag.Summary{}
	var list []*dag.Summary
	err := json.Unmarshal([]byte(f.body), &list)
	f.body = ""
	if err != nil {
		return
	}
	for _, one := range list {
		f.dags[one.ID] = one
	}
}

// schedule gives the summaries that were decoded their timetables.
func (f *file) schedule(s *shared) {
	for id, one := range f.dags {
		if one.Timetable != nil {
			continue
		}
		var err error
		if one.Timetable, err = s.timetable(one.Schedule, one.Zone); err != nil {
			delete(f.dags, id)
		}
	}
}
