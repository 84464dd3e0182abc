package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

const (
	// acknowledgers commit at once, each so many rows, so that some share a commit and the log is
	// merged into the file in between.
	acknowledgers   = 4
	acknowledgments = 60
	// ballast makes the rows long: the log is merged after 1,000 pages of it.
	ballast = 16 << 10
)

// acknowledger commits rows and says so of each.
func acknowledger() (err error) {
	s, err := sqlite.Open(context.Background(), os.Getenv("STORE_TEST_PATH"), sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var (
		all  sync.WaitGroup
		errs [acknowledgers]error
	)
	payload, err := json.Marshal(strings.Repeat("x", ballast))
	if err != nil {
		return err
	}
	for i := range errs {
		all.Go(func() {
			for range acknowledgments {
				r := &store.Request{Kind: "test", Payload: payload, CreatedAt: time.Now()}
				err := s.Tx(context.Background(), func(tx store.Tx) error { return tx.InsertRequest(context.Background(), r) })
				if err == nil {
					_, err = fmt.Printf("committed %d\n", r.ID)
				}
				if errs[i] = err; err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs[:]...)
}

// The power may go at any moment: what was acknowledged is there afterwards. What a process
// writes and syncs is recorded, and at each of many moments a disk is made that has all that was
// synced and any part of the rest.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	strace := os.Getenv("DINGDAG_TEST_STRACE")
	if strace == "" {
		t.Skip("DINGDAG_TEST_STRACE does not name the program strace")
	}
	dir := t.TempDir()
	path, trace := filepath.Join(dir, "db"), filepath.Join(dir, "trace")
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), strace, "-f", "-y", "-xx", "-s", "100000", "-o", trace,
		"-e", "trace=write,pwrite64,ftruncate,fsync,fdatasync", self)
	cmd.Env = append(os.Environ(), roleKey+"=acknowledger", "STORE_TEST_PATH="+path)
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	require.NoError(t, cmd.Run())

	f, err := os.Open(trace)
	require.NoError(t, err)
	defer f.Close()
	d := disk{files: map[string]*file{}, syncing: map[string]syncing{}}
	random := rand.New(rand.NewPCG(1, 2))
	cuts := 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// A moment at which something was acknowledged is one at which something may be lost.
		if d.apply(t, lines.Text()) && random.IntN(6) == 0 {
			d.cut(t, random)
			cuts++
		}
	}
	require.NoError(t, lines.Err())
	require.Len(t, d.acknowledged, acknowledgers*acknowledgments, "every acknowledgment is in the trace")
	assert.Greater(t, cuts, acknowledgers*acknowledgments/12)
	assert.Positive(t, d.merges, "the log was merged into the file meanwhile")
	t.Logf("%d cuts, %d merges", cuts, d.merges)
}

// disk is what is on a disk, file by file.
type disk struct {
	files map[string]*file
	// acknowledged are the rows that were said to be committed, by their ids.
	acknowledged []int64
	// syncing is what each thread that waits for a sync will have written.
	syncing map[string]syncing
	// merges counts the writes to the file of the store since the first acknowledgment.
	merges int
}

// file has what was synced, and what was written since then.
type file struct {
	synced  []byte
	pending []change
}

type syncing struct {
	file *file
	upTo int
}

func (s syncing) done() {
	for _, c := range s.file.pending[:s.upTo] {
		s.file.synced = c.to(s.file.synced)
	}
	s.file.pending = s.file.pending[s.upTo:]
}

// change is one write, or with data nil a cut to a length.
type change struct {
	at   int64
	data []byte
}

func (c change) to(content []byte) []byte {
	if c.data == nil {
		return grown(content, c.at)[:c.at]
	}
	content = grown(content, c.at+int64(len(c.data)))
	copy(content[c.at:], c.data)
	return content
}

func grown(content []byte, size int64) []byte {
	if missing := size - int64(len(content)); missing > 0 {
		content = append(content, make([]byte, missing)...)
	}
	return content
}

var (
	// began is a system call in a line of strace: thread, name, the path of its file, the rest.
	began = regexp.MustCompile(`^(\d+) +(\w+)\((\d+)<([^>]*)>(.*)$`)
	// ended is the end of one that began on a line before.
	ended = regexp.MustCompile(`^(\d+) +<\.\.\. (?:fsync|fdatasync) resumed>`)
	// number is the last argument of a call.
	number  = regexp.MustCompile(`(\d+)(?:\) += \d+| <unfinished \.\.\.>)$`)
	commits = regexp.MustCompile(`committed (\d+)\n`)
)

// apply does what one line of the trace says and reports whether it is an acknowledgment. A
// write counts from its beginning; a sync from its end, for what was written at its beginning.
func (d *disk) apply(t *testing.T, line string) bool {
	t.Helper()
	if m := ended.FindStringSubmatch(line); m != nil {
		if s, ok := d.syncing[m[1]]; ok {
			s.done()
			delete(d.syncing, m[1])
		}
		return false
	}
	m := began.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	thread, name, path, rest := m[1], m[2], unescaped(t, m[4]), m[5]
	if name == "write" && m[3] == "1" {
		for _, c := range commits.FindAllStringSubmatch(unescaped(t, quoted(rest)), -1) {
			id, err := strconv.ParseInt(c[1], 10, 64)
			require.NoError(t, err)
			d.acknowledged = append(d.acknowledged, id)
		}
		return true
	}
	if base := filepath.Base(path); base != "db" && base != "db-wal" {
		return false
	}
	f := d.files[path]
	if f == nil {
		f = &file{}
		d.files[path] = f
	}
	switch name {
	case "pwrite64":
		if filepath.Base(path) == "db" && len(d.acknowledged) > 0 {
			d.merges++
		}
		f.pending = append(f.pending, change{at: last(t, rest), data: []byte(unescaped(t, quoted(rest)))})
	case "ftruncate":
		f.pending = append(f.pending, change{at: last(t, rest)})
	case "fsync", "fdatasync":
		s := syncing{f, len(f.pending)}
		if strings.HasSuffix(rest, "<unfinished ...>") {
			d.syncing[thread] = s
		} else {
			s.done()
		}
	}
	return false
}

// last is the last argument.
func last(t *testing.T, rest string) int64 {
	t.Helper()
	m := number.FindStringSubmatch(rest[strings.LastIndexByte(rest, '"')+1:])
	require.NotNil(t, m, rest)
	n, err := strconv.ParseInt(m[1], 10, 64)
	require.NoError(t, err)
	return n
}

// quoted is the text in the first quotes.
func quoted(rest string) string {
	_, after, _ := strings.Cut(rest, `"`)
	text, _, _ := strings.Cut(after, `"`)
	return text
}

// unescaped reads what strace writes as \x41\x42, each byte.
func unescaped(t *testing.T, text string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	require.NoError(t, err)
	return string(b)
}

// cut makes the disk of this moment and opens the store on it.
func (d *disk) cut(t *testing.T, random *rand.Rand) {
	t.Helper()
	dir := t.TempDir()
	for path, f := range d.files {
		content := bytes.Clone(f.synced)
		for _, i := range random.Perm(len(f.pending)) {
			c := f.pending[i]
			switch random.IntN(3) {
			case 0: // lost
			case 1: // in part: the disk writes sectors
				if whole := len(c.data) / 512; whole > 0 {
					c.data = c.data[:512*random.IntN(whole)]
				}
				fallthrough
			case 2:
				content = c.to(content)
			}
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o600))
	}
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "db"), sqlite.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	rs, err := s.OpenRequests(t.Context())
	require.NoError(t, err)
	there := map[int64]bool{}
	for _, r := range rs {
		there[r.ID] = true
		require.Len(t, r.Payload, ballast+2)
	}
	for _, id := range d.acknowledged {
		require.True(t, there[id], "row %d was acknowledged, one of %d; there are %d", id, len(d.acknowledged), len(there))
	}
}
