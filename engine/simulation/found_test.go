package simulation_test

import (
	"strings"
	"testing"
	"time"
)

// These are scenarios in which promises were broken, as small as they can be.

func keeps(t *testing.T, s *scenario) {
	t.Helper()
	violations, story := simulate(t, s)
	if len(violations) > 0 {
		t.Error(strings.Join(append(story, violations...), "\n"))
	} else if *tellStory {
		t.Log(strings.Join(story, "\n"))
	}
}

// plain is a task that succeeds.
func plain(id, operator string, took time.Duration, ups ...int) taskSpec {
	return taskSpec{id: id, operator: operator, rule: "all_success", ups: ups, slots: 1, weight: 1, mapped: -1, script: []outcome{succeeds}, took: []time.Duration{took}}
}

// A process that led, stood still, and goes on while another one has led meanwhile finds by what it has in memory that nobody wants a
// job, which the other one has handed out since.
func TestAProcessThatLedDropsNoJob(t *testing.T) {
	t.Parallel()
	look := plain("t0", "look", time.Second)
	look.looks = 1
	keeps(t, &scenario{
		seed: 4859849574, slots: 1, nodes: []nodeSpec{{leads: true, workers: 1}, {leads: true, works: true, workers: 1}},
		dags:     []dagSpec{{id: "d0", maxTasks: 1, maxRuns: 1, tasks: []taskSpec{look}}},
		triggers: []triggerSpec{{at: 3 * time.Second, node: 1, day: 1}},
		faults:   []faultSpec{{at: 3868 * time.Millisecond, lasts: 9488 * time.Millisecond, node: 1, kind: freezes}, {at: 7859 * time.Millisecond, lasts: 7 * time.Second, kind: kills}},
	})
}

// A try ends while its process, which leads, is cut off. By the time that its end can be written another one leads, and takes it in.
func TestAProcessThatLedChangesNoRun(t *testing.T) {
	t.Parallel()
	keeps(t, &scenario{
		seed: 1, slots: 1, nodes: []nodeSpec{{leads: true, workers: 1}, {leads: true, works: true, workers: 1}},
		dags:     []dagSpec{{id: "d0", maxTasks: 1, maxRuns: 1, tasks: []taskSpec{plain("t0", "work", 3*time.Second), plain("t1", "harm", time.Second, 0), plain("t2", "work", time.Second, 1)}}},
		triggers: []triggerSpec{{at: 5060 * time.Millisecond, node: 1, day: 1}},
		faults: []faultSpec{
			{lasts: time.Second, kind: kills},
			{at: 8020 * time.Millisecond, lasts: 5440 * time.Millisecond, node: 1, kind: refuses},
			{at: 9797 * time.Millisecond, lasts: 3520 * time.Millisecond, kind: freezes}, // nobody takes the job over meanwhile
		},
	})
}

// A process takes a job before it has renewed its lease, which has ended, and says that it begins while whoever leads takes the job
// over. What must not be repeated begins once. It takes some luck to be met: this is how a scenario was drawn.
func TestAProcessWithoutLeaseBegins(t *testing.T) {
	t.Parallel()
	keeps(t, scenarios.Example(5700))
}
