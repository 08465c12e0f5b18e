<h1>Guestbook</h1>
<p>Welcome back, <?= $_COOKIE['name'] ?></p>
<p>You came from <?= htmlspecialchars($_GET['from']) ?></p>
<?php
$db = mysqli_connect('database', 'guestbook');
$entries = mysqli_query($db, "SELECT * FROM entries WHERE month = '" . $_GET['month'] . "'");
$months = mysqli_query($db, 'SELECT DISTINCT month FROM entries');
$seen = unserialize($_COOKIE['seen']);
include 'themes/' . $_GET['theme'] . '.php';
include 'footer.php';
// eval($_GET['debug']) is gone for good
