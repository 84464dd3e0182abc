package index

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/dag/dagfile/internal/parallel"
)

// The file of the index has a line with the format and the key, a line for each DAG file,
// whose fields tabs part, and a line with a checksum of all before it. What is not so is
// not used.
const format = "dingdag dag index 1"

// The fields of a line: the path, the hash of the stamp, the environment variables as
// name=hash, whether there are errors, the ids, and the summaries as JSON.
const fields = 6

// cache is the file of an index while a folder is looked at.
type cache struct {
	o Options
	// salt is part of every hash, so that two files do not tell the same value.
	salt    string
	content []byte
	lines   map[string]string

	mu  sync.Mutex
	env map[string]string // hashes of environment variables
}

// readCache reads the file of the index. One that is missing, broken or of another key
// counts as empty.
func readCache(o Options) *cache {
	c := &cache{o: o, lines: map[string]string{}, env: map[string]string{}}
	data, err := os.ReadFile(o.File)
	if o.File == "" || err != nil || !c.parse(data) {
		c.salt = rand.Text()
	}
	return c
}

func (c *cache) parse(data []byte) bool {
	body, sum, found := bytes.Cut(data, []byte("\nsum "))
	if !found || string(sum) != checksum(body)+"\n" {
		return false
	}
	head, rest, _ := strings.Cut(string(body), "\n")
	salt, found := strings.CutPrefix(head, format+" ")
	if salt, key, _ := strings.Cut(salt, " "); found {
		if c.salt = salt; c.hash(c.o.Key) != key {
			return false
		}
		c.lines = make(map[string]string, strings.Count(rest, "\n")+1)
		for line := range strings.SplitSeq(rest, "\n") {
			if path, _, ok := strings.Cut(line, "\t"); ok {
				c.lines[path] = line
			}
		}
		c.content = data
		return true
	}
	return false
}

func checksum(body []byte) string {
	return strconv.FormatUint(uint64(crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))), 16)
}

// hash is a short, salted hash.
func (c *cache) hash(text string) string {
	sum := sha256.Sum256([]byte(c.salt + text))
	return hex.EncodeToString(sum[:12])
}

// find returns the path of the first file that gives a DAG, if the file of the index knows one
// and nothing of it and of those before it has changed since.
func (c *cache) find(sources []discover.File, id string) string {
	at := slices.IndexFunc(sources, func(src discover.File) bool {
		line := c.lines[src.Path]
		if !strings.Contains(line, id) {
			return false
		}
		f, _ := parseLine(src.Path, line)
		return f != nil && slices.Contains(f.ids, id)
	})
	if at < 0 {
		return ""
	}
	var changed atomic.Bool
	parallel.Each(at+1, func(i int) {
		if !changed.Load() && c.fresh(sources[i]) == nil {
			changed.Store(true)
		}
	})
	if changed.Load() {
		return ""
	}
	return sources[at].Path
}

// fresh returns what the file of the index says of a DAG file, nil when it does not, or the
// file has changed since.
func (c *cache) fresh(src discover.File) *file {
	f, rests := parseLine(src.Path, c.lines[src.Path])
	if f == nil {
		return nil
	}
	stamp, _, err := src.Stamp()
	if err != nil || rests.stamp != c.hash(stamp) || !c.sameEnvironment(rests.environment) {
		return nil
	}
	return f
}

// rests is what a line of the index rests on: the hash of the stamp, and the environment variables as name=hash.
type rests struct{ stamp, environment string }

// parseLine reads the line of a DAG file, and gives nil for what is none.
func parseLine(path, line string) (*file, rests) {
	if strings.Count(line, "\t") != fields-1 {
		return nil, rests{}
	}
	_, rest, _ := strings.Cut(line, "\t")
	stamp, rest, _ := strings.Cut(rest, "\t")
	environment, rest, _ := strings.Cut(rest, "\t")
	state, rest, _ := strings.Cut(rest, "\t")
	ids, body, _ := strings.Cut(rest, "\t")
	return &file{path: path, hasErrors: state == "errors", ids: strings.Fields(ids), body: body, record: line}, rests{stamp, environment}
}

func (c *cache) sameEnvironment(text string) bool {
	for one := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(one, "=")
		if c.variable(name) != value {
			return false
		}
	}
	return true
}

// variable is the hash of an environment variable, "unset" without it.
func (c *cache) variable(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.env[name]; ok {
		return known
	}
	known := "unset"
	if value, set := c.o.LookupEnv(name); set {
		known = c.hash("=" + value)
	}
	c.env[name] = known
	return known
}

// describe gives a file that was just read its line, unless it must be read each time.
func (c *cache) describe(f *file, outcome dagfile.Outcome) {
	if !outcome.Lasting || c.o.Now().Sub(outcome.Written) < dagfile.Settled {
		return
	}
	variables := make([]string, len(outcome.Environment))
	for i, name := range outcome.Environment {
		if strings.ContainsAny(name, "= ") {
			return
		}
		variables[i] = name + "=" + c.variable(name)
	}
	list := make([]*dag.Summary, 0, len(f.dags))
	for _, id := range f.ids {
		if one := f.dags[id]; one != nil {
			list = append(list, one)
		}
	}
	body, err := json.Marshal(list)
	if err != nil {
		return
	}
	state := "fine"
	if f.hasErrors {
		state = "errors"
	}
	part := []string{f.path, c.hash(outcome.Stamp), strings.Join(variables, " "), state, strings.Join(f.ids, " "), string(body)}
	line := strings.Join(part, "\t")
	if strings.Count(line, "\t") == fields-1 && !strings.Contains(line, "\n") {
		f.record = line
	}
}

// write keeps what is known of the files for the next time, if that is anything new.
func (c *cache) write(files []*file) error {
	if c.o.File == "" {
		return nil
	}
	var b bytes.Buffer
	b.WriteString(format + " " + c.salt + " " + c.hash(c.o.Key))
	for _, f := range files {
		if f.record != "" {
			b.WriteString("\n" + f.record)
		}
	}
	sum := checksum(b.Bytes())
	b.WriteString("\nsum " + sum + "\n")
	if bytes.Equal(b.Bytes(), c.content) {
		return nil
	}
	if err := replace(c.o.File, b.Bytes()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write the index of the DAG files: %w", err)
	}
	return nil
}

// replace writes a file that only its owner reads, whole or not at all.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
