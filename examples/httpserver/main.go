// Command httpserver serves a Python function over HTTP, and each request has a deadline.
// It shows that a request that takes too long ends in time and its Python code with it, which
// exceptions are the client's fault, and in which order server and Python are closed.
// The program is its own client: it makes three requests, prints the answers, and ends.
//
//	go run ./examples/httpserver
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gopyrpc/gopyrpc/gil"
	"github.com/gopyrpc/gopyrpc/pybridge"
)

//go:embed primes/*.py
var python embed.FS

// limit is how long a request may take.
const limit = 3 * time.Second

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	rt, err := pybridge.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close(ctx)) }() // last: no request may be in Python any more

	primes, err := install(ctx, rt)
	if err != nil {
		return err
	}
	defer primes.Release()

	mux := http.NewServeMux()
	mux.Handle("GET /primes", counter{primes})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		err = errors.Join(err, server.Shutdown(ctx)) // waits for the requests
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
	}()

	for _, below := range []string{"1000", "-1", "1000000000"} {
		if err := ask(ctx, "http://"+listener.Addr().String()+"/primes?below="+below); err != nil {
			return err
		}
	}
	return nil
	// Output:
	// 200 OK: 168
	// 400 Bad Request: a number from 0 on was expected
	// 504 Gateway Timeout: that takes longer than 3s
}

// counter answers requests with primes.count.
type counter struct{ primes *pybridge.Object }

func (c counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	below, err := strconv.Atoi(r.FormValue("below"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit) // ends also when the client goes away
	defer cancel()
	count, err := gil.Call(gil.WithLabel(ctx, r.URL.Path), func(t gil.Token) (int, error) {
		result, err := c.primes.CallMethod(t, "count", below)
		if err != nil {
			return 0, err
		}
		defer result.Release()
		return pybridge.As[int](t, result)
	})
	var raised *pybridge.Error
	switch {
	case err == nil:
		fmt.Fprintln(w, count)
	case errors.Is(err, context.DeadlineExceeded):
		http.Error(w, "that takes longer than "+limit.String(), http.StatusGatewayTimeout)
	case errors.Is(err, pybridge.ValueError) && errors.As(err, &raised):
		http.Error(w, raised.Message, http.StatusBadRequest)
	default:
		log.Printf("%s: %+v", r.URL, err) // with the traceback, if there is one
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

// ask makes a request and prints the answer.
func ask(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s", response.Status, body)
	return nil
}

// install makes the embedded package importable, and imports it.
func install(ctx context.Context, rt *pybridge.Runtime) (primes *pybridge.Object, err error) {
	files, err := fs.Sub(python, "primes")
	if err != nil {
		return nil, err
	}
	err = gil.With(ctx, func(t gil.Token) error {
		if err := rt.InstallPackage(t, "primes", files); err != nil {
			return err
		}
		primes, err = rt.Import(t, "primes")
		return err
	})
	return primes, err
}
