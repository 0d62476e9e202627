"""Secrets that a name, a statement, a command or a file gives away, and what only looks like one.

The texts are templates: what stands for a secret is put together when the tests run, so that no
scanner takes them for a leak.
"""

import random
import string

import pyarrow as pa
import pytest

from maskline_secrets._assignments import assignment_detector
from maskline_secrets._keys import url_credential_detector

DETECTORS = (assignment_detector(), url_credential_detector())
CHANCE = random.Random(20_240_229)  # noqa: S311 - the same in every run


def any_of(alphabet, size):
    return "".join(CHANCE.choice(alphabet) for _ in range(size))


ALNUM = string.ascii_letters + string.digits
SECRETS = {
    "PW": "Tr0ub4dor" + "&3",
    "SLASH": "/" + any_of(ALNUM + "+/", 42) + "=",
    "DOLLAR": "$ecret" + "123",
    "WEAK": "hunter" + "22",
    "WORD": "letmein" + "please",
    "BAD": "change" + "me",
    "HEX": any_of("0123456789abcdef", 32),
    "B62": any_of(ALNUM, 40),
    "B64": any_of(ALNUM + "+/", 43) + "=",
    "UUID": "-".join(any_of("0123456789abcdef", size) for size in (8, 4, 4, 4, 12)),
}

# Settings.
POSITIVES = """
DB_PASSWORD=<PW>
DB_PASSWORD="<PW>"
export PGPASSWORD='<WEAK>'
PGPASSWORD=<WORD>
REDIS_PASS=<WEAK>
SMTP_PASSWD=<PW>
SECRET_KEY=<B62>
JWT_SECRET="<B64>"
export API_TOKEN=<B62>
GITHUB_TOKEN=<B62> make release
AUTH_TOKEN: <HEX>
spring.datasource.password=<WEAK>
spring.datasource.password = <PW>
mail.smtp.password: <WEAK>
jdbc.pwd=<PW>
  password: <WEAK>
  password: "<WORD>"
  db_password: '<PW>'
    secret_key: <B62>
  api-key: <HEX>
    value: 1\n    client_secret: <B62>
password = "<WORD>"
requirepass <B62>
[client]\\nuser=root\\npassword=<PW>
"password": "<WORD>"
"password": "<BAD>"
"password_hash": "<HEX>"
pass_code = "<WEAK>"
csrf_secret = "<B62>"
DB_PASSWORD=<BAD>
"password":"<WEAK>","user":"ada"
{"user": "ada", "passwd": "<PW>"}
{\\"password\\": \\"<PW>\\"}
{"auth": {"token": "<B62>"}}
{"apiKey": "<HEX>", "region": "eu"}
{"clientSecret":"<B62>"}
{"access_token":"<B62>","expires_in":3600}
{"refresh_token": "<B62>"}
{"x-api-key": "<HEX>"}
<password><WEAK></password>
<property name="password" value="<PW>"/>
<add key="ApiKey" value="<B62>" />
<add name="Main" connectionString="Server=db;User Id=sa;Password=<PW>;" />
<secretKey>\\n    <B62>\\n</secretKey>
password "<WEAK>";
ansible_become_pass: <PW>
ansible_ssh_pass=<WEAK>
AWS_SECRET=<B62>
api_key: <UUID>
token=<UUID>
# Code.
password = '<PW>'
self.password = "<PW>"
const password = "<WORD>";
let dbPassword = `<PW>`;
var token string = "<B62>"
final String PASSWORD = "<WEAK>";
private static final String API_KEY = "<HEX>";
String password="<PW>";
$password = '<PW>';
$config['db_pass'] = '<PW>';
define('DB_PASSWORD', '<B62>');
password := "<WEAK>"
password => '<PW>',
:password => "<WEAK>"
char passwd[] = "<PW>";
#define PASSWORD "<WEAK>"
connect(host="db", password="<WEAK>")
psycopg.connect("host=db user=ada password=<WEAK> dbname=x")
login(user='ada', pwd='<PW>')
if (password == "<WEAK>") {
if ("<WEAK>" == password) {
if token != '<B62>':
os.environ["API_TOKEN"] = "<B62>"
headers = {"Authorization": "Bearer <B62>"}
headers["X-Auth-Token"] = "<HEX>"
client = Client(api_key="<B62>")
setPassword("<B62>")
auth_token <- "<B62>"
password = r"<PW>"
password = @"<PW>";
NSString *apiKey = @"<B62>";
val apiKey = "<HEX>"
@Value("password=<WEAK>")
conn.password='<WEAK>' # for now
# Connection strings and URLs.
Server=tcp:db,1433;Database=x;User ID=ada;Password=<PW>;Encrypt=true
Data Source=db;Initial Catalog=x;User Id=ada;Pwd=<WEAK>;
DefaultEndpointsProtocol=https;AccountName=x;SharedKey=<B64>;
jdbc:mysql://db/x?user=ada&password=<WEAK>&useSSL=true
jdbc:postgresql://db/x?password=<WEAK>
host=db port=5432 user=ada password=<WEAK> sslmode=require
postgres://ada:<WEAK>@db/x
mongodb+srv://ada:<B62>@cluster0.example.net/x
amqps://ada:<B62>@mq:5671/v
redis://:<WEAK>@cache:6379/0
https://ada:<B62>@git.example.org/x.git
https://api.example.org/v1?api_key=<HEX>&q=1
https://api.example.org/v1?access_token=<B62>
# SQL.
CREATE USER ada IDENTIFIED BY '<PW>';
ALTER USER 'ada'@'%' IDENTIFIED WITH mysql_native_password BY '<WEAK>';
CREATE ROLE ada LOGIN PASSWORD '<WEAK>';
ALTER USER ada WITH ENCRYPTED PASSWORD '<PW>';
CREATE LOGIN ada WITH PASSWORD = N'<PW>';
CREATE USER ada PASSWORD='<WEAK>' DEFAULT_ROLE = x;
SET PASSWORD FOR 'ada' = PASSWORD('<WEAK>');
GRANT ALL ON x.* TO ada IDENTIFIED BY "<WEAK>"
# Commands and headers.
mysql -u root -p<PW> x
mysqldump --password=<WEAK> x
sshpass -p '<PW>' ssh ada@host
redis-cli -a <B62> ping
curl -u ada:<PW> https://x.example
curl --user "ada:<WEAK>" https://x.example
curl -H "Authorization: Bearer <B62>" https://x.example
curl -H 'X-Api-Key: <HEX>' https://x.example
Authorization: Basic <B64>
docker login -u ada --password <PW>
az login --password <WEAK>
tool --token <B62>
$s = ConvertTo-SecureString "<PW>" -AsPlainText -Force
$s = ConvertTo-SecureString -String '<WEAK>' -AsPlainText
secret "<PW>";
salt = "<HEX>"
tool --api-key=<HEX>
tool --client-secret "<B62>"
# Files without names.
machine git.example.org login ada password <WEAK>
//registry.example.org/:_authToken=<UUID>
//registry.example.org/:_password=<B64>
db.example.org:5432:app:ada:<WEAK>
*:*:*:ada:<PW>
# People.
ID/PW: ada / <WEAK>
user / password = ada / <PW>
my password is <WEAK>
The password is: <PW>, do not tell
Password: <WEAK>
das Passwort ist <WEAK>
Passwort: <PW>
contraseña: <WEAK>
mot de passe : <PW>
"senha": "<WORD>"
"password": "<DOLLAR>"
secret_key = "<SLASH>"
wachtwoord: <PW>
lösenord: <PW>
salasana: <PW>
adgangskode: <PW>
heslo: <PW>
şifre: <PW>
jelszó: <PW>
hasło: <PW>
пароль: <WEAK>
Пароль: "<PW>"
密码\uff1a<WEAK>
パスワード: <PW>
비밀번호: <WEAK>
"""

NEGATIVES = """
DB_PASSWORD=
DB_PASSWORD=${DB_PASSWORD}
DB_PASSWORD=$DB_PASSWORD
DB_PASSWORD="$(cat /run/secrets/db)"
DB_PASSWORD=%DB_PASSWORD%
DB_PASSWORD=\nDB_USER=ada
password: {{ vault_password }}
password = "$DB_PASSWORD1"
password_location = "/run/secrets/db2"
password: {{vault.password}}
password: !vault |
password: ENC[AES256_GCM,data:abc1]
password: null
password: ~
password: ""
password: string
password: required
password: true
password: xxxxxxxx
password: ********
password: <password>
password: "<your password>"
password: [PASSWORD]
password: your-password-here
password = None
password = os.environ["DB_PASSWORD"]
password = os.getenv("DB_PASSWORD")
password = getpass.getpass()
password = input("Password: ")
password = settings.DB_PASSWORD
password = args.password
password = user.password1
password = req.body.password;
password=password
password = hash_password(password)
self.password = password
const password = process.env.PASSWORD;
const { password } = req.body;
let password: string;
password?: string | undefined;
function login(user: string, password: string) {
def login(user, password, token=None):
String password = request.getParameter("password");
<input type="password" name="password" placeholder="Password">
<label for="password">Password</label>
<password>${db.password}</password>
"password": "Enter your password"
"password": "Please choose a new password"
"password": "password"
"forgot_password": "Forgot your password?"
"passwordField": "input-password"
"type": "password", "name": "password"
fields = ["password", "email", "token"]
Pass `how="left"` to keep the rows
Pass `infer` to have the password inferred
if isinstance(self.tokens[0], choice):
if token == COMMENT:
tokens = [token.text for token in tokens if not token.is_space]
def get(self, key: PositionalIndexer2D) -> Self:
TOKEN = "(%s)|(%s)" % (word, number)
(?P<user>[^:]*):(?P<password>[^/]*)@
password_policy: strict
password_min_length = 12
PASSWORD_HASHERS = ["argon2", "bcrypt"]
if password == "" {
if (password !== confirmPassword) {
token = get_token()
token = response.json()["access_token"]
token = next(tokens)
token: customer_identifier
token_type: bearer
"token_type": "Bearer"
tokens = text.split()
max_tokens = 4096
next_page_token = "CAoQAA"
csrf_token = "<B62>"
public_key = "<B62>"
primary_key = "customer_id"
foreign_key: customer_id
sort_key = "created_at"
cache_key = "user-12-profile"
key = "value"
key: some-config-name
key = f"user:{user_id}:2024"
keyboard = "qwerty"
secret_name: "prod/db/main"
secretName: app-tls
secretKeyRef: {name: app, key: password}
SECRET_FILE=/run/secrets/db
private_key_path = "/etc/ssl/private/server.key"
credentials: same-origin
credentials_file = "service-account.json"
auth: basic
authorization: required
Authorization: Bearer ${TOKEN}
Authorization: Bearer <token>
Authorization: Basic realm
Basic understanding of authorization
the password is wrong
The password is required, the token is optional.
a secret ballot, a token gesture
compass: northwest1
passport: required
bypass=true
tool --password-file /run/secrets/db
tool --token $TOKEN
tool --password
curl -u "$USER:$PASSWORD" https://x.example
curl -u ada https://x.example
mysql -u root -p x
postgres://ada:${PASSWORD}@db/x
postgres://ada:<password>@db/x
https://example.org:8080/a@b
CREATE USER ada IDENTIFIED BY '${PASSWORD}'
ALTER ROLE ada PASSWORD NULL
commit <HEX>
"integrity": "sha512-<B64>"
sha256: <HEX>
"id": "<UUID>"
etag: "<HEX>"
trace_id=<HEX>
image: app@sha256:<HEX>
12:30:45:10:99
src/app.py:1234:login:ada:oops
kind: ConfigMap
"""


def fill(template):
    text = template.replace("\\n", "\n").replace('\\\\"', '\\"')
    for name, secret in SECRETS.items():
        text = text.replace(f"<{name}>", secret)
    return text


def lines(block):
    return [line for line in block.strip().splitlines() if not line.startswith("# ")]


def find(text):
    column = pa.array([text], pa.string())
    raw = text.encode()
    return [
        raw[start:end].decode()
        for detector in DETECTORS
        for spans in [detector.detect(column)]
        for start, end in zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)
    ]


@pytest.mark.parametrize("template", lines(POSITIVES))
def test_a_secret_is_found_and_nothing_else(template):
    text = fill(template)
    secrets = {secret for name, secret in SECRETS.items() if f"<{name}>" in template}

    assert set(find(text)) == secrets


@pytest.mark.parametrize("template", lines(NEGATIVES))
def test_what_only_speaks_of_a_secret_is_left_alone(template):
    assert find(fill(template)) == []
