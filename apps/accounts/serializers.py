"""How people, groups and invitations look in HTTP."""

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from apps.accounts.models import ExpertiseGroup, Invitation, Role, User


class GroupNames(serializers.SlugRelatedField[ExpertiseGroup]):
    """Groups as their names; reading only."""

    def __init__(self, **options: object) -> None:
        super().__init__(slug_field="name", read_only=True, **options)  # type: ignore[arg-type]


@extend_schema_serializer(component_name="User")
class UserSerializer(serializers.ModelSerializer[User]):
    """A person, as they see themselves."""

    name = serializers.CharField(read_only=True)
    role = serializers.SerializerMethodField()
    groups = GroupNames(source="groups_of_expertise", many=True)
    preferences = serializers.DictField(read_only=True)

    class Meta:
        model = User
        fields = [
            "id",
            "username",
            "display_name",
            "name",
            "role",
            "groups",
            "is_simulated",
            "preferences",
        ]
        read_only_fields = fields

    def get_role(self, user: User) -> Role:
        return Role.ADMIN if user.is_superuser else Role(user.role)


@extend_schema_serializer(component_name="Person")
class PersonSerializer(UserSerializer):
    """A person, as an admin sees them; give it rows of `selectors.people`."""

    studies = serializers.IntegerField(read_only=True)

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "is_active", "last_login", "studies"]
        read_only_fields = fields


@extend_schema_serializer(component_name="ExpertiseGroup")
class GroupSerializer(serializers.ModelSerializer[ExpertiseGroup]):
    """Give it rows of `selectors.groups`."""

    members = serializers.IntegerField(source="n_members", read_only=True)

    class Meta:
        model = ExpertiseGroup
        fields = ["id", "name", "description", "members"]
        read_only_fields = fields


@extend_schema_serializer(component_name="Invitation")
class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    groups = GroupNames(source="groups_of_expertise", many=True)
    accepted_by = serializers.CharField(
        source="accepted_by.username", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = Invitation
        fields = ["id", "role", "groups", "note", "expires_at", "accepted_by"]
        read_only_fields = fields


@extend_schema_serializer(component_name="NewInvitation")
class NewInvitationSerializer(InvitationSerializer):
    """With the link, which is shown this once."""

    url = serializers.CharField(read_only=True)

    class Meta(InvitationSerializer.Meta):
        fields = [*InvitationSerializer.Meta.fields, "url"]
        read_only_fields = fields


@extend_schema_serializer(component_name="Problem")
class ProblemSerializer(serializers.Serializer[object]):
    """RFC 9457 problem details: `detail` is for people, `code` for programs."""

    type = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    field = serializers.CharField(required=False)
