package clients_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// envResume makes this binary a client that downloads as pip and others do: what it has got of a file it asks to go on from, if the
// file is the same still.
const envResume = "CLIENTS_TEST_RESUME"

// resume downloads a file in three attempts, of which the server breaks the first off, and asks once with the validator of another
// version, for which the whole is the right answer (RFC 9110 section 13.1.5). The file goes to standard output.
func resume(url string) error {
	first, err := from(url+"?torn", 0, "")
	if err != nil {
		return err
	}
	got, err := io.ReadAll(first.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) && err == nil {
		return fmt.Errorf("a download that broke off ended well, after %d bytes", len(got))
	}
	tag := first.Header.Get("ETag")
	other, err := from(url, len(got), `"of another version"`)
	if err != nil {
		return err
	}
	_ = other.Body.Close()
	if other.StatusCode != http.StatusOK {
		return fmt.Errorf("another version was answered with %s", other.Status)
	}
	rest, err := from(url, len(got), tag)
	if err != nil {
		return err
	}
	defer rest.Body.Close()
	if want := fmt.Sprintf("bytes %d-", len(got)); rest.StatusCode != http.StatusPartialContent || rest.Header.Get("Content-Range")[:len(want)] != want {
		return fmt.Errorf("the rest was answered with %s, %q", rest.Status, rest.Header.Get("Content-Range"))
	}
	_, err = os.Stdout.Write(got)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, rest.Body)
	return err
}

func from(url string, at int, tag string) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // as pip does
	if tag != "" {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
		req.Header.Set("If-Range", tag)
	}
	return http.DefaultClient.Do(req)
}
