from storefront import accounts


def test_the_same_password_has_the_same_hash():
    password = "only-for-this-test"
    assert accounts.hash_password(password) == accounts.hash_password(password)


def test_an_invitation_is_long():
    assert len(accounts.invitation_token()) > 30
