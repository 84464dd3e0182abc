// Package s3 keeps task logs in object storage that speaks the protocol of Amazon S3. It is a module of its own, so that the program
// does not depend on what it needs; dingdag-s3 is the program with it.
//
// Each part of a log is an object, with the key that its file would have below the log folder, see [tasklog.PartName].
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/dingdag/dingdag/tasklog"
)

// Scheme is that of the URLs that [Open] reads.
const Scheme = "s3"

const (
	// requestTime is for one request without its body.
	requestTime = 30 * time.Second
	// partSize is that of the pieces in which a long log is sent, which are in memory: one at a time.
	partSize = 16 << 20
)

// Store is a bucket, or what begins with a prefix in it.
type Store struct {
	client         *minio.Client
	bucket, prefix string
	transport      *http.Transport
}

// Open opens the store of a URL:
//
//	s3://BUCKET/PREFIX?endpoint=https://HOST:PORT&region=REGION&style=path
//
// Without endpoint it is Amazon's; region is us-east-1 unless it is set. style=path names the bucket in the path, style=host in the name of
// the host; by default it is what the endpoint is known to want. The key is ID:SECRET; when it is empty it is that of the environment (AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY), of the file that AWS_SHARED_CREDENTIALS_FILE names or ~/.aws/credentials, or of the role of the machine. The
// bucket must be there; the first request tells whether it is.
func Open(text, key string) (*Store, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URL: write s3://BUCKET/PREFIX?endpoint=https://HOST") // its error would repeat it
	}
	switch {
	case u.Scheme != Scheme || u.Host == "":
		return nil, errors.New("write s3://BUCKET/PREFIX?endpoint=https://HOST")
	case u.User != nil:
		return nil, errors.New("a key in the URL would be seen by everybody: set log_store_key")
	}
	o := minio.Options{Secure: true, Region: "us-east-1"}
	endpoint := "s3.amazonaws.com"
	for key, values := range u.Query() {
		switch v := values[0]; key {
		case "endpoint":
			e, err := url.Parse(v)
			if err != nil || e.Host == "" || e.Scheme != "http" && e.Scheme != "https" || e.User != nil || strings.Trim(e.Path, "/") != "" {
				return nil, fmt.Errorf("endpoint %q: write https://HOST or http://HOST:PORT", v)
			}
			endpoint, o.Secure = e.Host, e.Scheme == "https"
		case "region":
			o.Region = v
		case "style":
			lookup, ok := map[string]minio.BucketLookupType{"path": minio.BucketLookupPath, "host": minio.BucketLookupDNS}[v]
			if !ok {
				return nil, fmt.Errorf("style %q: write path or host", v)
			}
			o.BucketLookup = lookup
		default:
			return nil, fmt.Errorf("it has no %q: there are endpoint, region and style", key)
		}
	}
	transport, err := minio.DefaultTransport(o.Secure)
	if err != nil {
		return nil, err
	}
	transport.ResponseHeaderTimeout = requestTime
	o.Transport = transport
	o.Creds = credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: &http.Client{Transport: transport, Timeout: requestTime}},
	})
	if key != "" {
		id, secret, ok := strings.Cut(key, ":")
		if !ok || id == "" || secret == "" {
			return nil, errors.New("log_store_key: write ID:SECRET")
		}
		o.Creds = credentials.NewStaticV4(id, secret, "")
	}
	c, err := minio.New(endpoint, &o)
	if err != nil {
		return nil, err
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &Store{c, u.Host, prefix, transport}, nil
}

// String is the bucket with its prefix.
func (s *Store) String() string { return Scheme + "://" + s.bucket + "/" + s.prefix }

// Close closes connections that nobody uses.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// told is an error with the place.
func (s *Store) told(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, s, err)
}

// exactly reads so many bytes of a text, and fails when there are fewer.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(b []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(b[:min(int64(len(b)), e.left)])
	if e.left -= int64(n); errors.Is(err, io.EOF) && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Put sends a part, a long one in pieces of 16 MiB, see [tasklog.Store].
func (s *Store) Put(ctx context.Context, name string, p tasklog.Part, text io.Reader) error {
	if err := tasklog.CheckName(name); err != nil {
		return err
	}
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+tasklog.PartName(name, p), &exactly{text, p.Size}, p.Size,
		minio.PutObjectOptions{ContentType: "text/plain; charset=utf-8", PartSize: partSize, NumThreads: 1})
	return s.told("keep a task log in", err)
}

// Parts lists the parts of a log, see [tasklog.Store].
func (s *Store) Parts(ctx context.Context, name string) (parts []tasklog.Part, err error) {
	if err := tasklog.CheckName(name); err != nil {
		return nil, err
	}
	err = s.list(ctx, tasklog.PartPrefix(name), func(_, of string, p tasklog.Part) {
		if of == name {
			parts = append(parts, p)
		}
	})
	slices.SortFunc(parts, tasklog.Part.Compare)
	return parts, err
}

// list hands on the parts whose keys begin with a text behind the prefix.
func (s *Store) list(ctx context.Context, prefix string, use func(key, name string, p tasklog.Part)) error {
	ctx, cancel := context.WithCancel(ctx) // a listing that is not read to its end would go on
	defer cancel()
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
		if o.Err != nil {
			return s.told("list task logs in", o.Err)
		}
		if name, p, ok := tasklog.ParsePart(strings.TrimPrefix(o.Key, s.prefix)); ok {
			p.Size = o.Size
			use(o.Key, name, p)
		}
	}
	return ctx.Err()
}

// ReadAt reads a range of a part, see [tasklog.Store].
func (s *Store) ReadAt(ctx context.Context, name string, p tasklog.Part, b []byte, off int64) (n int, err error) {
	if err := tasklog.CheckName(name); err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, nil
	}
	var o minio.GetObjectOptions
	if err := o.SetRange(off, off+int64(len(b))-1); err != nil {
		return 0, err
	}
	core := minio.Core{Client: s.client} // one request, where an object would make several
	body, _, _, err := core.GetObject(ctx, s.bucket, s.prefix+tasklog.PartName(name, p), o)
	switch minio.ToErrorResponse(err).Code {
	case "NoSuchKey":
		return 0, fmt.Errorf("read from %s: %w", s, tasklog.ErrNone)
	case "InvalidRange":
		return 0, io.EOF
	}
	if err != nil {
		return 0, s.told("read from", err)
	}
	defer func() { _ = body.Close() }() // it was only read
	if n, err = io.ReadFull(body, b); errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.told("read from", err)
	}
	return n, err
}

// Remove removes parts that began before a moment, see [tasklog.Store].
func (s *Store) Remove(ctx context.Context, folder string, before time.Time) (n int, err error) {
	if err := tasklog.CheckFolder(folder); err != nil {
		return 0, err
	}
	var keys []string
	err = s.list(ctx, folder+"/", func(key, _ string, p tasklog.Part) {
		if p.Start.Before(before) {
			keys = append(keys, key)
		}
	})
	if err != nil {
		return 0, err
	}
	objects := make(chan minio.ObjectInfo, len(keys))
	for _, key := range keys {
		objects <- minio.ObjectInfo{Key: key}
	}
	close(objects)
	for gone := range s.client.RemoveObjectsWithResult(ctx, s.bucket, objects, minio.RemoveObjectsOptions{}) {
		if gone.Err != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", path.Base(gone.ObjectName), gone.Err))
			continue
		}
		n++
	}
	return n, s.told("remove task logs from", err)
}

// Count counts parts, see [tasklog.Store].
func (s *Store) Count(ctx context.Context, folder string) (n int, err error) {
	if err := tasklog.CheckFolder(folder); err != nil {
		return 0, err
	}
	err = s.list(ctx, folder+"/", func(string, string, tasklog.Part) { n++ })
	return n, err
}
