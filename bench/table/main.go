// Command table measures Dingdag and prints the targets of the project with the figures, as a
// Markdown table: medians, each beside its floor. It is run from the project's folder, after
// make build:
//
//	go run ./bench/table [-bench REGEXP] [-count N] [-in DIR]
//
// Each figure is measured in a process of its own, all of them once, then all of them again.
// DIR is where their files lie; the default is the folder for temporary files.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	only := regexp.MustCompile("")
	flag.Func("bench", "measure only figures whose benchmark matches, such as ChainBash", func(text string) (err error) {
		only, err = regexp.Compile(text)
		return err
	})
	count := flag.Int("count", 3, "how often each figure is measured")
	tmp := flag.String("in", os.TempDir(), "the folder for the files of the benchmarks")
	flag.Parse()
	out, err := measure(ctx, only, *count, *tmp)
	if err == nil {
		var found map[metric][]float64
		if found, err = read(&out); err == nil {
			err = write(os.Stdout, found)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1) //nolint:gocritic // the process ends
	}
}

// metric names what a benchmark reports: "ChainBash µs/task".
type metric struct{ bench, unit string }

// row is one line of the table. The target bounds the result or, with ofFloor, the
// result as a multiple of the floor; 0 is no target.
type row struct {
	what          string
	result, floor metric
	target        float64
	ofFloor       bool
}

func rows() []row {
	own := func(what, bench, unit string, target float64, ofFloor bool) row {
		return row{what, metric{bench, unit}, metric{bench, "floor-" + unit}, target, ofFloor}
	}
	hook := func(what, how, unit string, target float64) row {
		return row{what, metric{"Send/" + how, unit}, metric{"NetHTTP/" + how, unit}, target, true}
	}
	app := func(what, how, unit string) row {
		return row{what, metric{"App/hook/" + how, unit}, metric{"App/net-http/" + how, unit}, 0, false}
	}
	return []row{
		own("a chain of 500 `empty` tasks, whole", "ChainEmpty/500", "s/run", 2, false),
		own("a chain of 10 `empty` tasks", "ChainEmpty/10", "µs/task", 0, false),
		own("a chain of 500 `empty` tasks", "ChainEmpty/500", "µs/task", 0, false),
		own("a chain of 5,000 `empty` tasks", "ChainEmpty/5000", "µs/task", 0, false),
		own("a chain of 500 tasks through a worker, whole", "ChainWorker/500", "s/run", 2, false),
		own("a chain of 10 tasks through a worker", "ChainWorker/10", "µs/task", 0, false),
		own("a chain of 500 tasks through a worker", "ChainWorker/500", "µs/task", 0, false),
		own("a chain of 5,000 tasks through a worker", "ChainWorker/5000", "µs/task", 0, false),
		own("5,000 tasks through 32 workers", "WideWorker", "µs/task", 1000, false),
		own("2 x 1,000 tasks with 1,000,000 edges between them, whole", "Fan", "s/run", 0, false),
		own("one of them", "Fan", "µs/task", 0, false),
		own("a task mapped over 1,000 elements of a result, whole", "Mapped", "s/run", 0, false),
		own("one of them", "Mapped", "µs/task", 0, false),
		own("a backfill of 1,000 runs of one task, whole", "Backfill", "s/run", 0, false),
		own("one of them", "Backfill", "µs/task", 0, false),
		own("a chain of 500 `bash: \"true\"`", "ChainBash/plain", "µs/task", 2, true),
		own("its processor time", "ChainBash/plain", "cpu-µs/task", 0, true),
		own("the same, the floor with the files of a task", "ChainBash/fair", "µs/task", 1.3, true),
		own("its processor time", "ChainBash/fair", "cpu-µs/task", 0, true),
		own("500 independent `bash: \"true\"`, 8 wide", "WideBash/plain", "µs/task", 2, true),
		own("its processor time", "WideBash/plain", "cpu-µs/task", 0, true),
		own("the same, the floor with the files of a task", "WideBash/fair", "µs/task", 1.3, true),
		own("its processor time", "WideBash/fair", "cpu-µs/task", 0, true),
		hook("a robot message, one after another", "sequential", "ns/op", 1.1),
		hook("its allocations", "sequential", "allocs/op", 1.15),
		hook("a robot message, 16 at once", "parallel16", "ns/op", 1.1),
		hook("its allocations", "parallel16", "allocs/op", 1.15),
		app("an app call, one after another", "sequential", "ns/op"),
		app("its allocations", "sequential", "allocs/op"),
		app("an app call, 16 at once", "parallel16", "ns/op"),
		app("its allocations", "parallel16", "allocs/op"),
		{"token requests of 64 callers with a cold token", metric{"ColdToken", "fetches/op"}, metric{}, 1, false},
		{"10,000 rows appended in chunks of the best size", metric{"AppendRows/best", "µs/row"}, metric{"AppendRows/100-rows", "µs/row"}, 0, false},
		own("`dingdag version`", "Version", "ms/start", 25, false),
		own("the binary, stripped", "Binary", "MB", 35, false),
		own("1,000 DAG files of 10 tasks, loaded and validated", "Load/1000", "s/load", 0, false),
		own("one of them", "Load/1000", "µs/file", 0, false),
		own("`dags list` of 10,000 DAGs that were listed before", "List/10000", "ms/list", 400, false),
		own("`dags show` of one of 1,000 DAGs; floor: alone in its folder", "OneOfMany/1000", "ms/show", 1.2, true),
		own("`dags show` of one of 10,000 DAGs", "OneOfMany/10000", "ms/show", 0, true),
		own("10,000 DAG files of 10 tasks, loaded and validated", "Load/10000", "s/load", 10, false),
		own("one of them", "Load/10000", "µs/file", 0, false),
		own("memory idle, 1,000 DAGs of 10 tasks", "Idle/1000", "MiB", 60, false),
		own("CPU idle, 1,000 DAGs of 10 tasks", "Idle/1000", "%core", 0, false),
		own("memory idle, 10,000 DAGs of 10 tasks", "Idle/10000", "MiB", 163, false),
		own("CPU idle, 10,000 DAGs of 10 tasks", "Idle/10000", "%core", 0.6, false),
		own("peak memory, 10,000 DAGs of 10 tasks all due", "AllDue", "MiB", 250, false),
		own("200 DAGs due in one minute: the last run begins late by", "Due", "ms/run-late", 1000, false),
		own("the last task", "Due", "ms/task-late", 1000, false),
		own("peak memory then", "Due", "MiB", 120, false),
		own("restart after kill -9, 1,000 runs in flight", "Restart", "s/restart", 3, false),
		own("attempts that began twice then", "Restart", "repeated", 32, false),
		own("runs that were lost then", "Restart", "lost", 0, false),
		own("PostgreSQL: a job that does nothing, 4 stores; floor: River", "Queue", "µs/task", 3, true),
		own("a task instance that does nothing, 1 scheduler and 4 workers, which is 3,000 a second", "Cluster", "µs/task", 333.4, false),
		own("the same beside a job of River's own clients", "Cluster", "µs/task", 3, true),
		own("a task is ready until it begins in another process, median", "HandOver", "begin-ms", 5, false),
		own("a task ends until the next one begins, both in another process, median", "HandOver", "next-ms", 5, false),
		own("a chain of 500 tasks in another process", "HandOver", "s/run", 4, false),
		own("a chain of 500 `empty` tasks with a scheduler and a worker", "ClusterChain", "s/run", 4, false),
		own("kill -9 of the leader until another one leads", "TakeOver/kill", "s/lead", 5, false),
		own("until it has started a run that somebody asked for then", "TakeOver/kill", "s/answer", 5, false),
		own("SIGTERM of the leader until another one leads", "TakeOver/term", "s/lead", 1, false),
		own("until it has started a run that somebody asked for then", "TakeOver/term", "s/answer", 1, false),
		own("the scheduler idle on 10,000 DAGs, 1,000,000 task instances; floor: none", "ClusterHistory", "%core", 1.1, true),
		own("its processor time for a task", "ClusterHistory", "cpu-µs/task", 1.1, true),
		own("a task fails until its robot has the alert, median", "Alert", "p50-ms", 20, false),
		own("the same, of 99 in 100", "Alert", "p99-ms", 20, false),
		own("10,000 alerts that wait folded into one", "Fold", "s/fold", 1, false),
		own("memory while they wait", "Fold", "MiB-waiting", 20, false),
		own("a command in the chat until its answer is there, median; floor: a bot that echoes", "Message", "p50-ms", 50, false),
		own("the same, of 99 in 100", "Message", "p99-ms", 50, false),
		own("the same of a command that starts a run, median", "Message", "trigger-p50-ms", 50, false),
		own("the same, of 99 in 100", "Message", "trigger-p99-ms", 50, false),
		own("1,000 commands at once in 20 conversations, all answered; floor: a bot that echoes", "Burst", "s/burst", 0, false),
		own("the same, answers in a second", "Burst", "answers/s", 0, false),
		own("a stream hangs up in the middle of a message until that is answered, median", "Reconnect", "p50-s", 3, false),
		own("the same, the longest", "Reconnect", "max-s", 3, false),
		own("memory with 1,000 conversations that are bound; floor: with none", "Bindings", "MiB", 0, false),
		own("1,000 tasks that fail beside these bindings; floor: beside none", "BoundStorm", "µs/task", 0, true),
		own("1,000 tasks beside 1,000 cards of another run; floor: beside none", "CardStorm", "µs/task", 0, true),
		own("home of 1,000 DAGs with 100,000 runs and 1,000,000 task instances, of 95 in 100", "Pages", "home-p95-ms", 30, false),
		own("its size on the wire", "Pages", "home-KB", 200, false),
		own("the list of DAGs there, of 95 in 100", "Pages", "list-p95-ms", 0, false),
		own("its size on the wire", "Pages", "list-KB", 0, false),
		own("the grid of 25 runs and 200 tasks there, of 95 in 100", "Pages", "grid-p95-ms", 30, false),
		own("its size on the wire", "Pages", "grid-KB", 200, false),
		own("one of these runs, of 95 in 100", "Pages", "run-p95-ms", 0, false),
		own("the list of DAGs, median; floor: dagu's list of as many", "Dagu", "p50-ms", 0.1, true),
		own("a run's state by the API, eight at once; floor: the version", "RunState", "µs/request", 500, false),
		own("memory with 1,000 open event streams; floor: with none", "Streams", "MiB", 100, false),
		own("a chain of 500 bash tasks with a page open; floor: with none", "Watched", "µs/task", 1.03, true),
		own("10,000 alerts of 20 DAGs sent one by one, each", "Waiting", "µs/message", 1000, false),
		own("the same, of 1,000 DAGs", "WaitingDAGs", "µs/message", 1000, false),
	}
}

var (
	line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)
	pair = regexp.MustCompile(`(\S+)\s+(\S+)`)
)

// read collects the figures of every benchmark.
func read(r io.Reader) (map[metric][]float64, error) {
	found := map[metric][]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "FAIL") {
			return nil, fmt.Errorf("the benchmarks failed: %s", lines.Text())
		}
		m := line.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		for _, p := range pair.FindAllStringSubmatch(m[2], -1) {
			v, err := strconv.ParseFloat(p[1], 64)
			if err != nil {
				return nil, fmt.Errorf("benchmark %s: %w", m[1], err)
			}
			k := metric{m[1], p[2]}
			found[k] = append(found[k], v)
		}
	}
	return found, lines.Err()
}

// write prints the rows that were measured.
func write(w io.Writer, found map[metric][]float64) error {
	var b strings.Builder
	b.WriteString("| what | result | floor | ratio | target |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range rows() {
		result, ok := median(found[r.result])
		if !ok {
			continue
		}
		floor, ratio := "", ""
		judged := result
		if f, ok := median(found[r.floor]); ok {
			times, err := multiple(found[r.result], found[r.floor])
			if err != nil {
				return fmt.Errorf("%s: %w", r.what, err)
			}
			floor, ratio = figure(f, r.result.unit), fmt.Sprintf("%.2f", times)
			if r.ofFloor {
				judged = times
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.what, figure(result, r.result.unit), floor, ratio, r.verdict(judged))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r row) verdict(judged float64) string {
	if r.target == 0 {
		return ""
	}
	unit := r.result.unit
	if r.ofFloor {
		unit = "x"
	}
	if judged <= r.target {
		return fmt.Sprintf("%g %s: met", r.target, unit)
	}
	return fmt.Sprintf("%g %s: **missed**", r.target, unit)
}

// figure prints three digits, and whole numbers in full.
func figure(v float64, unit string) string {
	digits := max(0, 2-len(strconv.Itoa(int(v)))+1)
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + unit
}

// multiple is the median of each result over the floor that was measured with it.
func multiple(results, floors []float64) (float64, error) {
	if len(results) != len(floors) {
		return 0, fmt.Errorf("%d results beside %d floors", len(results), len(floors))
	}
	ratios := make([]float64, len(results))
	for i := range results {
		ratios[i] = results[i] / floors[i]
	}
	m, _ := median(ratios)
	return m, nil
}

func median(vs []float64) (float64, bool) {
	if len(vs) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(vs))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2, true
}
