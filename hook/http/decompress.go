package http

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// acceptEncoding is what is asked for and can be read.
const acceptEncoding = "gzip, deflate"

// decompressing is a transport that undoes the Content-Encoding of responses: gzip and
// deflate, in whatever order and number the header names. A response in another encoding is
// an error.
type decompressing struct {
	next http.RoundTripper
	idle func() // closes the connections that are idle
	// encoding is the Content-Encoding header of the last response.
	encoding []string
}

func (d *decompressing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Accept-Encoding") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("Accept-Encoding", acceptEncoding)
	}
	response, err := d.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	d.encoding = response.Header.Values("Content-Encoding")
	if len(d.encoding) == 0 {
		return response, nil
	}
	names := strings.Split(strings.ToLower(strings.Join(d.encoding, ",")), ",")
	for _, name := range slices.Backward(names) {
		decode := decoders[strings.TrimSpace(name)]
		if decode == nil {
			_ = response.Body.Close()
			return nil, fmt.Errorf("the response has the Content-Encoding %q: only gzip and deflate can be read, so ask for these with the header Accept-Encoding",
				strings.TrimSpace(name))
		}
		response.Body = &decompressed{compressed: response.Body, decode: decode}
	}
	// What follows reads plain bytes; the whole header is given back once they are read.
	response.Header.Del("Content-Encoding")
	response.ContentLength = -1
	return response, nil
}

func (d *decompressing) CloseIdleConnections() { d.idle() }

var decoders = map[string]func(io.Reader) (io.Reader, error){
	"":         func(r io.Reader) (io.Reader, error) { return r, nil },
	"identity": func(r io.Reader) (io.Reader, error) { return r, nil },
	"gzip":     func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"x-gzip":   func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"deflate":  inflate,
}

// inflate reads deflate as the standard has it, within zlib, and as many servers send it,
// without.
func inflate(r io.Reader) (io.Reader, error) {
	head := bufio.NewReader(r)
	first, err := head.Peek(2)
	if err == nil && first[0]&0x0f == 8 && (uint(first[0])<<8|uint(first[1]))%31 == 0 {
		return zlib.NewReader(head)
	}
	return flate.NewReader(head), nil
}

// decompressed decodes a body once it is read. One without any bytes is empty: the answer to
// HEAD has the header as well.
type decompressed struct {
	compressed io.ReadCloser
	decode     func(io.Reader) (io.Reader, error)
	plain      io.Reader
	err        error
}

func (d *decompressed) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.plain == nil {
		first := make([]byte, 1)
		if _, err := io.ReadFull(d.compressed, first); err != nil {
			d.err = err
			return 0, err
		}
		if d.plain, d.err = d.decode(io.MultiReader(bytes.NewReader(first), d.compressed)); d.err != nil {
			d.err = undecodable(d.err)
			return 0, d.err
		}
	}
	n, err := d.plain.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = undecodable(err)
	}
	return n, err
}

func (d *decompressed) Close() error { return d.compressed.Close() }

func undecodable(err error) error {
	return fmt.Errorf("the response does not hold what its Content-Encoding says: %w", err)
}
