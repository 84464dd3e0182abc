package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/processtest"
)

// screen is a command on a pseudo-terminal, as a person has it before them.
type screen struct {
	t     *testing.T
	tty   *os.File // the person's end
	shown *processtest.Log
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of the command; set before ended is closed
}

// bothWays are the environments in which a command works here, and on a server, see [cli.MainRemotely].
var bothWays = map[string][]string{"here": nil, "on a server": {remoteVariable + "=1"}} //nolint:gochecknoglobals // a constant

// onScreen starts the program on a terminal of so many columns.
func onScreen(t *testing.T, home string, columns uint16, args ...string) *screen {
	t.Helper()
	return onScreenWith(t, nil, home, columns, args...)
}

// onScreenWith is the same with variables of the environment.
func onScreenWith(t *testing.T, env []string, home string, columns uint16, args ...string) *screen {
	t.Helper()
	s := &screen{t: t, shown: &processtest.Log{}, ended: make(chan struct{}), cmd: exec.Command("dingdag", args...)}
	s.cmd.Env = append(append(os.Environ(), env...), "DINGDAG_HOME="+home, "TERM=xterm-256color")
	tty, err := pty.StartWithSize(s.cmd, &pty.Winsize{Rows: 40, Cols: columns})
	require.NoError(t, err)
	s.tty = tty
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(s.shown, tty) // Linux ends it by EIO
	}()
	go func() {
		defer close(s.ended)
		s.err = s.cmd.Wait()
		<-read
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
		_ = tty.Close()
	})
	return s
}

// await waits until the screen has shown a text that matches.
func (s *screen) await(pattern string) {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !re.MatchString(s.shown.String()) {
		select {
		case <-look.C:
		case <-s.ended:
			if re.MatchString(s.shown.String()) {
				return
			}
			s.t.Fatalf("the command ended (%v) without %q:\n%q", s.err, pattern, s.shown)
		case <-deadline.C:
			s.t.Fatalf("no %q within a minute:\n%q", pattern, s.shown)
		}
	}
}

// awaitNoEcho waits until what is typed is not shown: nobody types as fast as a test.
func (s *screen) awaitNoEcho() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		shows, err := echoes(s.tty)
		return err == nil && !shows
	}, time.Minute, 5*time.Millisecond)
}

// enter types text.
func (s *screen) enter(text string) {
	s.t.Helper()
	_, err := s.tty.WriteString(text)
	require.NoError(s.t, err)
}

// code waits for the end and returns the exit code.
func (s *screen) code() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
		s.t.Fatalf("the command does not end:\n%q", s.shown)
	}
	return s.cmd.ProcessState.ExitCode()
}

// gated is a DAG whose task waits until somebody opens the gate.
const gated = `
gated:
  schedule: null
  start_date: 2026-01-01
  tasks:
    - {task_id: waits, operator: bash, bash_command: 'echo {{ params.word }}; read x < "$GATE"'}
  params: {word: "${WORD}"}
`

// home makes a home folder with one DAG file.
func homeWith(t *testing.T, dags string) string {
	t.Helper()
	home := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, "dags"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "dags", "dags.yaml"), []byte(dags), 0o600))
	return home
}

// scheduling starts a scheduler on a home folder, which ends with the test.
func scheduling(t *testing.T, home string, env ...string) *process {
	t.Helper()
	c := &chaos{t: t, home: home, env: append(append(os.Environ(), "DINGDAG_HOME="+home), env...)}
	p := c.start()
	p.until("work", func() bool { return strings.Contains(p.log.String(), "dingdag works") })
	return p
}

// A wait shows how the run gets on while it does, in one line that fits, for as long as
// it takes, and says how it ended.
func TestTriggerWaitOnATerminal(t *testing.T) {
	t.Setenv("WORD", "s3cr3t-w0rd") // it is masked from when the file is read
	home := homeWith(t, gated)
	gate := filepath.Join(home, "gate")
	require.NoError(t, syscall.Mkfifo(gate, 0o600))
	p := scheduling(t, home, "GATE="+gate)
	for _, columns := range []uint16{120, 30} { //nolint:paralleltest // both open the same gate
		t.Run(fmt.Sprintf("%d columns", columns), func(t *testing.T) {
			s := onScreen(t, home, columns, "dags", "trigger", "gated", "--wait")
			s.await(`\x1b\[Krunning \ds, 0 of 1 tasks`)
			if columns == 120 {
				s.await(`\ds, 0 of 1 tasks done, 1 running: run manual__\S+ of dag gated`)
			}
			s.await(`(?s)running 1s.*running 2s`) // it goes on
			require.NoError(t, os.WriteFile(gate, []byte("go\n"), 0o600))
			assert.Zero(t, s.code(), s.shown)
			assert.Regexp(t, `\r\x1b\[Krun manual__\S+ of dag gated: success\r\n$`, s.shown)
			live := strings.Split(s.shown.String(), "\r\x1b[K")
			for _, line := range live[1 : len(live)-1] {
				assert.Less(t, len([]rune(line)), int(columns), line)
			}
		})
	}
	p.stop()
}

// Ctrl-C ends the wait and not the run, and the line of the prompt begins at the left.
func TestTriggerWaitInterruptedOnATerminal(t *testing.T) {
	t.Parallel()
	for name, env := range bothWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := homeWith(t, gated)
			gate := filepath.Join(home, "gate")
			require.NoError(t, syscall.Mkfifo(gate, 0o600))
			p := scheduling(t, home, "GATE="+gate)
			s := onScreenWith(t, env, home, 120, "dags", "trigger", "gated", "--wait")
			s.await(`1 running`)
			s.enter("\x03")
			assert.Equal(t, 1, s.code())
			assert.Regexp(t, `\r\x1b\[Kno longer waiting: run manual__\S+ of dag gated continues; see dingdag --home \S+ dags list-runs gated\r\n$`, s.shown)
			require.NoError(t, os.WriteFile(gate, []byte("go\n"), 0o600))
			p.stop()
		})
	}
}

// The demo draws a line for each DAG, all messages above them, and then its tables.
func TestDemoOnATerminal(t *testing.T) {
	t.Parallel()
	s := onScreen(t, filepath.Join(t.TempDir(), "home"), 150, "demo")
	assert.Zero(t, s.code(), s.shown)
	shown := s.shown.String()
	progress, summary, found := strings.Cut(shown, "Failed on purpose:")
	require.True(t, found, shown)
	assert.Regexp(t, `example_daily_report .* \.\.\. done!`, progress)
	assert.Regexp(t, `example_failure_alert failed .* \.\.\. fail!`, progress)
	arrived := regexp.MustCompile(`(\d+) messages arrived`).FindStringSubmatch(summary)
	require.NotNil(t, arrived, summary)
	assert.Equal(t, arrived[1], strconv.Itoa(strings.Count(progress, "╭─")-strings.Count(progress, "The card now:")), "each message is shown, and one card again")
	assert.Regexp(t, `messages +\.\.\. done! \[`+arrived[1]+` in`, progress)
}

// A question stands there before it is answered, and no is the answer to anything but yes.
func TestConfirmOnATerminal(t *testing.T) {
	t.Parallel()
	home := homeWith(t, "one:\n  schedule: null\n  start_date: 2026-01-01\n  tasks: [{task_id: t, operator: empty}]\n")
	s := onScreen(t, home, 120, "dags", "trigger", "one", "--run-id", "r")
	require.Zero(t, s.code(), s.shown)
	p := scheduling(t, home)
	p.until("end the run", func() bool { return strings.Contains(p.log.String(), "run succeeded") })
	for way, env := range bothWays {
		for _, answer := range []struct{ text, want string }{
			{"n\r", "nothing was changed"}, {"\r", "nothing was changed"}, {"\x03", "nothing was changed"}, {"\x04", "nothing was changed"}, {"y\r", "cleared 1 task instance of 1 run"},
		} {
			s := onScreenWith(t, env, home, 120, "dags", "clear", "one", "r")
			s.await(`clear 1 task instance of 1 run\? \[y/N\] $`)
			s.enter(answer.text)
			s.await(answer.want)
			assert.Zero(t, s.code(), "%s %q: %s", way, answer.text, s.shown)
			p.until("end the run again", func() bool {
				_, out, _ := run(t, "--home", home, "dags", "state", "one", "r")
				return strings.HasPrefix(out, "success")
			})
		}
	}
	p.stop()
}

// A secret that is typed is not shown, whether it is taken or not, and the terminal shows
// what is typed afterwards.
func TestSecretOnATerminal(t *testing.T) {
	t.Parallel()
	for name, env := range bothWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			add := []string{"connections", "add", "c", "--conn-type", "http", "--conn-password", "-"}
			s := onScreenWith(t, env, home, 120, add...)
			s.await("type the password, which is not shown")
			s.awaitNoEcho()
			s.enter("\x03")
			assert.Equal(t, 1, s.code(), s.shown)
			s.await("read the password from standard input: interrupted")
			shows, err := echoes(s.tty)
			require.NoError(t, err)
			assert.True(t, shows, "the terminal shows again what is typed")
			s = onScreenWith(t, env, home, 120, add...)
			s.await("type the password, which is not shown")
			s.awaitNoEcho()
			s.enter("hunter22-typed\r")
			assert.Zero(t, s.code(), s.shown)
			assert.NotContains(t, s.shown.String(), "hunter22")
			_, out, _ := run(t, "--home", home, "connections", "get", "c", "--show-secrets", "-o", "json")
			assert.Contains(t, out, "hunter22-typed")
		})
	}
}

// The log of a service on a terminal: one line for a message.
func TestStandaloneLogOnATerminal(t *testing.T) {
	t.Parallel()
	home := homeWith(t, `
bad:
  schedule: null
  start_date: 2026-01-01
  tasks: [{task_id: t, operator: bash, bash_command: 'printf "one\n\"two\"\n"; exit 1'}]
`)
	s := onScreen(t, home, 200, "standalone")
	s.await("dingdag works")
	code, _, errs := run(t, "--home", home, "dags", "trigger", "bad", "--run-id", "r")
	require.Zero(t, code, errs)
	s.await("run failed")
	s.enter("\x03")
	assert.Zero(t, s.code(), s.shown)
	for line := range bytes.Lines([]byte(s.shown.String())) {
		assert.Regexp(t, `^(\^C)?(\x1b\[\d*m)*\d\d:\d\d:\d\d`, string(line), "every line begins with its time")
	}
}

// What tasks print can't take over the terminal, and reaches a file as it is.
func TestTaskOutputOnATerminal(t *testing.T) {
	t.Parallel()
	home := homeWith(t, `
prints:
  schedule: null
  start_date: 2026-01-01
  tasks: [{task_id: t, operator: bash, bash_command: "printf 'a\\033]0;title\\007b\\033[31mred\\033[0m\\033[2Jc\\rd\\xc2\\x9be\\n'; exit 1"}]
`)
	const want = `a\^\[\]0;title\^Gbred\^\[\[2Jc\^Md<U\+009B>e\r\n`
	s := onScreen(t, home, 300, "dags", "test", "prints")
	assert.Equal(t, 1, s.code())
	assert.Regexp(t, `INFO - `+want, s.shown)
	assert.NotContains(t, s.shown.String(), "\x1b]")

	for i, format := range []string{"auto", "text", "json"} {
		s = onScreen(t, home, 300, "standalone", "--log-format", format)
		s.await("dingdag works")
		code, _, errs := run(t, "--home", home, "dags", "trigger", "prints", "--run-id", "r"+strings.Repeat("r", i))
		require.Zero(t, code, errs)
		s.await("run failed")
		s.enter("\x03")
		assert.Zero(t, s.code(), s.shown)
		shown := s.shown.String()
		if format == "auto" {
			assert.Contains(t, shown, "a^[]0;title^Gbred^[[2Jc^Md<U+009B>e")
			shown = regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(shown, "") // those of the log
		} else {
			assert.Contains(t, shown, "title")
		}
		for _, r := range strings.ReplaceAll(shown, "\r\n", "\n") {
			assert.False(t, r != '\n' && unicode.IsControl(r), "%q of %q with --log-format %s", r, shown, format)
		}
	}
	s = onScreen(t, home, 300, "tasks", "logs", "prints", "t", "r")
	assert.Zero(t, s.code())
	assert.Regexp(t, `INFO - `+want, s.shown)
	assert.NotContains(t, s.shown.String(), "\x1b")
	_, out, _ := run(t, "--home", home, "tasks", "logs", "prints", "t", "r")
	assert.Contains(t, out, "\x1b]0;title\ab\x1b[31mred\x1b[0m\x1b[2Jc\rd")
}
