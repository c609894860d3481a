<?php
// Usage: client.php URL. Prints the body of the answer.
$curl = curl_init($argv[1]);
curl_setopt($curl, CURLOPT_HTTPHEADER, ['Authorization: Bearer ' . getenv('CLIENTS_API_KEY')]);
if (!curl_exec($curl)) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(1);
}
