package clients_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"authsome/tests/internal/process"
)

// envURL makes this binary the client that is written in Go.
const envURL = "CLIENTS_TEST_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(envURL); url != "" {
		if err := get(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if url := os.Getenv(envResume); url != "" {
		if err := resume(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if address := os.Getenv(envGRPC); address != "" {
		if err := say(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(process.Main(m))
}

func get(url string) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("CLIENTS_API_KEY"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Println(resp.Proto)
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}
