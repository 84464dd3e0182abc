package cli_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain is of the tests and of the programs that they start. None of these listens unless a test says where: they would
// all have the same port. A script that wants the default sets DINGDAG_LISTEN to nothing.
func TestMain(m *testing.M) {
	if _, ok := os.LookupEnv(listenVariable); !ok {
		if err := os.Setenv(listenVariable, "off"); err != nil {
			panic(err)
		}
	}
	testscript.Main(m, map[string]func(){"dingdag": dingdag, "httpget": httpGet, "receive": cli.Receive, "dingdag-lamp": lampProgram})
}

const listenVariable = "DINGDAG_LISTEN"

// remoteVariable has the scripts' commands run on servers.
const remoteVariable = "DINGDAG_TEST_REMOTELY"

// dingdag is the program in scripts.
func dingdag() {
	if os.Getenv(remoteVariable) != "" {
		cli.MainRemotely()
	}
	cli.Main()
}

// httpGet is a program that prints the status and the body of an answer: httpget [-host NAME] [-method M] [-user NAME:PASSWORD] [-accept TYPE] [-data FORM] [-header 'NAME: VALUE'] [-insecure] URL.
// With -data it sends a form; with -insecure it takes any certificate.
func httpGet() {
	flags := flag.NewFlagSet("httpget", flag.ExitOnError)
	host, method := flags.String("host", "", ""), flags.String("method", http.MethodGet, "")
	user, accept, data := flags.String("user", "", ""), flags.String("accept", "", ""), flags.String("data", "", "")
	insecure := flags.Bool("insecure", false, "")
	var headers []string
	flags.Func("header", "", func(h string) error { headers = append(headers, h); return nil })
	_ = flags.Parse(os.Args[1:]) // which ends the program at an error
	err := func() error {
		req, err := http.NewRequest(*method, flags.Arg(0), strings.NewReader(*data))
		if err != nil {
			return err
		}
		if *data != "" {
			req.Method = http.MethodPost
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if name, password, ok := strings.Cut(*user, ":"); ok {
			req.SetBasicAuth(name, password)
		}
		if *accept != "" {
			req.Header.Set("Accept", *accept)
		}
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Add(name, value)
		}
		if *host != "" {
			req.Host = *host
		}
		client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		if *insecure {
			client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		fmt.Println(resp.Status)
		if to := resp.Header.Get("Location"); to != "" {
			fmt.Println("to", to)
		}
		if c := resp.Header.Get("Set-Cookie"); c != "" {
			name, rest, _ := strings.Cut(c, "=")
			_, attributes, _ := strings.Cut(rest, "; ")
			fmt.Println("cookie", name, attributes)
		}
		_, err = io.Copy(os.Stdout, resp.Body)
		return err
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestScripts runs testdata/script. Beside testscript's own commands and dingdag,
// scripts have:
//
//	exec httpget [-host NAME] [-method M] [-user NAME:PASSWORD] [-accept TYPE] [-data FORM] [-header 'NAME: VALUE'] [-insecure] URL
//	    prints the status, where it leads, the cookie and the body of what is answered
//	sandbox NAME [keyword=WORD] [secret=SEC…] [rate=N]
//	    adds a robot to the script's own sandbox, which starts with the first one, and
//	    sets $SANDBOX_URL and, for a robot dingding_default, $DINGDING_DEFAULT_TOKEN
//	fault KIND [TIMES [DELAY]]
//	    makes the next requests to the sandbox go wrong, see sandbox.FaultKinds
//	inbox FILE
//	    writes what has arrived in the sandbox, as the groups see it
//	freeport NAME
//	    sets $NAME to a port of the loopback address that is free
//	certificate CERT KEY
//	    writes a certificate for 127.0.0.1 and its key to files
//	waithttp URL
//	    waits until something answers there
//	waitline FILE PATTERN
//	    waits until a line of the file matches
//
// $DINGDAG_HOME is a folder that does not exist yet, $EXAMPLES that of the example DAGs.
func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t)
}

// The same scripts have the same output when their commands run on a server, see [cli.MainRemotely].
func TestScriptsRemotely(t *testing.T) {
	t.Parallel()
	runScripts(t, remoteVariable)
}

// runScripts runs the scripts with these variables set.
func runScripts(t *testing.T, variables ...string) {
	t.Helper()
	examples, err := filepath.Abs(filepath.Join("..", "dags", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update && len(variables) == 0,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("DINGDAG_HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("EXAMPLES", examples)
			// A program built with -race would otherwise wait a second before it ends.
			env.Setenv("GORACE", "atexit_sleep_ms=10")
			for _, name := range variables {
				env.Setenv(name, "1")
			}
			env.Values[scriptBox{}] = &scriptBox{t: env.T().(testing.TB)}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sandbox": cmdSandbox, "fault": cmdFault, "inbox": cmdInbox, "freeport": cmdFreePort, "waithttp": cmdWaitHTTP,
			"waitline": cmdWaitLine, "certificate": cmdCertificate,
		},
	})
}

// scriptBox is the sandbox of one script.
type scriptBox struct {
	t   testing.TB
	box *sandboxtest.Sandbox
}

// boxOf returns the sandbox of a script, which it starts at first.
func boxOf(ts *testscript.TestScript) *sandboxtest.Sandbox {
	s := ts.Value(scriptBox{}).(*scriptBox)
	if s.box == nil {
		s.box = sandboxtest.Start(s.t)
		ts.Setenv("SANDBOX_URL", s.box.URL)
	}
	return s.box
}

func usage(ts *testscript.TestScript, neg, ok bool, text string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", text)
	}
}

func cmdSandbox(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "sandbox NAME [keyword=WORD] [secret=SEC…] [rate=N]")
	r := sandbox.DemoRobot(args[0])
	for _, arg := range args[1:] {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "keyword":
			r.Keywords = append(r.Keywords, value)
		case "secret":
			r.Secret = value
		case "rate":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			r.Rate.PerMinute = n
		default:
			ts.Fatalf("unknown setting %q", key)
		}
	}
	r, err := boxOf(ts).Server.AddRobot(r)
	ts.Check(err)
	ts.Setenv(strings.ToUpper(r.Name)+"_TOKEN", r.Token)
}

func cmdFault(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 1 && len(args) <= 3, "fault KIND [TIMES [DELAY]]")
	f := sandbox.Fault{Kind: sandbox.FaultKind(args[0])}
	var err error
	if len(args) > 1 {
		f.Times, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	if len(args) > 2 {
		f.Delay, err = time.ParseDuration(args[2])
		ts.Check(err)
	}
	ts.Check(boxOf(ts).AddFault(f))
}

func cmdInbox(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "inbox FILE")
	var b bytes.Buffer
	for _, m := range boxOf(ts).Messages(sandbox.Filter{}) {
		b.WriteString(sandbox.PlainText(m))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}

func cmdFreePort(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "freeport NAME")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(ln.Addr().(*net.TCPAddr).Port))
	ts.Check(ln.Close())
}

func cmdWaitHTTP(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "waithttp URL")
	ts.Check(waitHTTP(args[0]))
}

// waitHTTP asks again and again until there is an answer, whatever it says.
func waitHTTP(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err == nil {
			return resp.Body.Close()
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}
