package sql

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	dbsql "database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"github.com/dingdag/dingdag/connections"
)

// openMySQL prepares a connection to MySQL or MariaDB.
func openMySQL(conn *connections.Connection, database string, extra *extras) (*dbsql.DB, error) {
	config := driver.NewConfig()
	config.User = conn.GetLogin()
	config.Passwd = conn.GetPassword().Reveal()
	config.DBName = cmp.Or(database, conn.GetSchema())
	config.Net = "tcp"
	config.Addr = net.JoinHostPort(cmp.Or(conn.GetHost(), "localhost"), strconv.Itoa(cmp.Or(conn.GetPort(), 3306)))
	config.MultiStatements = true
	config.Logger = &driver.NopLogger{} // its errors come back to us as well
	if err := mysqlExtras(config, extra); err != nil {
		return nil, err
	}
	if err := extra.finish(); err != nil {
		return nil, err
	}
	connector, err := driver.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	return dbsql.OpenDB(connector), nil
}

func mysqlExtras(config *driver.Config, extra *extras) (err error) {
	if config.Timeout, err = extra.seconds("connect_timeout", dialTimeout); err != nil {
		return err
	}
	if config.ReadTimeout, err = extra.seconds("read_timeout", 0); err != nil {
		return err
	}
	if config.WriteTimeout, err = extra.seconds("write_timeout", 0); err != nil {
		return err
	}
	socket, err := extra.take("unix_socket")
	if err != nil {
		return err
	}
	if socket != "" {
		config.Net, config.Addr = "unix", socket
	}
	charset, err := extra.take("charset")
	if err != nil {
		return err
	}
	charset = cmp.Or(strings.ToLower(charset), "utf8mb4")
	if !strings.HasPrefix(charset, "utf8") {
		return errors.New(`extra: the only values of "charset" are utf8mb4 and utf8, to which the server converts: leave it out`)
	}
	if err := config.Apply(driver.Charset(charset, "")); err != nil {
		return fmt.Errorf("set the character set: %w", err)
	}
	local, err := extra.take("local_infile")
	if err != nil {
		return err
	}
	config.AllowAllFiles = strings.EqualFold(local, "true") || local == "1"
	extra.ignore("cursor", "client") // rows are always read as they come
	return mysqlTLS(config, extra)
}

// mysqlTLS reads ssl_mode and ssl, with the file names ca, cert and key.
func mysqlTLS(config *driver.Config, extra *extras) error {
	mode, err := extra.take("ssl_mode")
	if err != nil {
		return err
	}
	files, err := sslFiles(extra)
	if err != nil {
		return err
	}
	mode = strings.ToUpper(mode)
	if mode == "" && len(files) > 0 {
		mode = "REQUIRED"
		if files["ca"] != "" {
			mode = "VERIFY_IDENTITY"
		}
	}
	switch mode {
	case "", "PREFERRED":
		config.TLSConfig = "preferred"
		return nil
	case "DISABLED":
		return nil
	case "REQUIRED", "VERIFY_IDENTITY":
	default:
		return errors.New(`extra: the values of "ssl_mode" are DISABLED, PREFERRED, REQUIRED and VERIFY_IDENTITY`)
	}
	//nolint:gosec // REQUIRED means just that in MySQL
	config.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: mode == "REQUIRED"}
	if host, _, err := net.SplitHostPort(config.Addr); err == nil {
		config.TLS.ServerName = host
	}
	return loadCertificates(config.TLS, files)
}

// sslFiles takes ssl, which is an object, or one as text.
func sslFiles(extra *extras) (map[string]string, error) {
	value, found := extra.values["ssl"]
	extra.ignore("ssl")
	if !found {
		return nil, nil
	}
	text, isText := value.(string)
	if !isText {
		text = jsonText(value)
	}
	var files map[string]string
	if err := json.Unmarshal([]byte(text), &files); err != nil {
		return nil, errors.New(`extra: the value of "ssl" must be an object of file names: ca, cert and key`)
	}
	for key := range files {
		if key != "ca" && key != "cert" && key != "key" {
			return nil, fmt.Errorf(`extra: "ssl" takes the file names ca, cert and key, not %q`, key)
		}
	}
	return files, nil
}

func loadCertificates(config *tls.Config, files map[string]string) error {
	if files["ca"] != "" {
		authorities, err := os.ReadFile(files["ca"])
		if err != nil {
			return fmt.Errorf("read the authorities: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return fmt.Errorf("the file %s holds no certificate in PEM form", files["ca"])
		}
	}
	if files["cert"] != "" || files["key"] != "" {
		pair, err := tls.LoadX509KeyPair(files["cert"], files["key"])
		if err != nil {
			return fmt.Errorf("read the client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// killOnCancel makes the end of ctx end the query on the server too: the driver only
// cuts the connection, which the server may not see for as long as the query runs. The
// database waits for that when it is released.
func (db *database) killOnCancel(ctx context.Context, pool *dbsql.DB) error {
	var id uint64
	if err := db.conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		return fmt.Errorf("get the id of the connection: %w", err)
	}
	done := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelWithin)
		defer cancel()
		_, err := pool.ExecContext(ctx, "KILL "+strconv.FormatUint(id, 10))
		if unknown, ok := errors.AsType[*driver.MySQLError](err); ok && unknown.Number == 1094 {
			err = nil // the connection has ended already
		}
		done <- err
	})
	closePool := db.close
	db.close = func() error {
		var err error
		if !stop() {
			err = <-done
		}
		if err != nil {
			err = fmt.Errorf("end the query on the server: %w", err)
		}
		return errors.Join(err, closePool())
	}
	return nil
}
